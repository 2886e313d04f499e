"""Runs what the README shows: `readme_test.py FRDPU SOURCE_DIR`.

Every command of its `sh` blocks is run as it stands, but for the two that start the service (this
test starts its own) and for addresses and the binary's path, which are put in.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

FRDPU = ""
SOURCE = pathlib.Path()
STARTERS = ("./dev run", "docker compose")


def blocks():
    """Heading and text of every `sh` block that this test can run."""
    text = (SOURCE / "README.md").read_text()
    heading = ""
    for part in re.finditer(r"^## ([^\n]+)$|^```sh\n(.*?)^```$", text, re.M | re.S):
        if part.group(1):
            heading = part.group(1)
        elif not part.group(2).startswith(STARTERS):
            yield heading, part.group(2)


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        shutil.copy(SOURCE / "README.md", self.folder)
        env = {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}
        self.process = subprocess.Popen(
            [FRDPU, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, text=True, env=env)
        self.addCleanup(self.stop)
        self.addresses = {}
        for line in self.process.stderr:
            if found := re.search(r"listening (service|admin)=(\S+)", line):
                self.addresses[found.group(1)] = found.group(2)
            if len(self.addresses) == 2:
                break
        self.assertEqual(len(self.addresses), 2, "the service did not start")

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=60)
        self.assertEqual(self.process.returncode, 0)

    def run_block(self, text):
        text = text.replace("127.0.0.1:8080", self.addresses["service"])
        text = text.replace("127.0.0.1:8081", self.addresses["admin"])
        text = text.replace("build/release/frdpu", FRDPU)
        return subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=self.folder,
                              capture_output=True, text=True, timeout=120, check=False)

    def test_every_command_works(self):
        seen = 0
        for heading, text in blocks():
            with self.subTest(heading=heading, text=text):
                seen += 1
                done = self.run_block(text)
                self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                self.assertNotIn("differ", done.stdout)
        self.assertGreater(seen, 5)

    def test_refusals_look_as_described(self):
        text = next(text for _, text in blocks() if "level=20" in text)
        shown = self.run_block(text).stdout
        self.assertIn('"code":"invalid_level"', shown)
        self.assertIn('"code":"corrupt_input"', shown)


if __name__ == "__main__":
    FRDPU = os.path.abspath(sys.argv.pop(1))
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
