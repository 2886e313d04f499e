"""Makes the Debian package and looks into it: `package_test.py FRDPU SOURCE_DIR BUILD_DIR`.

Installing and removing it on a clean system is `./dev test-containers`.
"""

import gzip
import json
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
BUILD = pathlib.Path()


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@unittest.skipUnless(shutil.which("dpkg-shlibdeps"), "dpkg-shlibdeps (package dpkg-dev) is missing")
class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        run("cpack", "--config", str(BUILD / "CPackConfig.cmake"), "-B", folder.name)
        cls.package, = pathlib.Path(folder.name).glob("frdpu_*.deb")
        cls.root = pathlib.Path(folder.name) / "root"
        run("dpkg-deb", "--raw-extract", str(cls.package), str(cls.root))
        cls.unit = (cls.root / "usr/lib/systemd/system/frdpu.service").read_text()

    def test_the_libraries_are_its_dependencies(self):
        depends = run("dpkg-deb", "--field", str(self.package), "Depends")
        for library in ("libzstd1", "zlib1g", "libdeflate0", "libisal2", "libbrotli1", "libssl3", "libc6"):
            self.assertRegex(depends, rf"\b{library} \(>= ")

    def test_files_are_roots_and_nobody_else_writes_them(self):
        for line in run("dpkg-deb", "--contents", str(self.package)).splitlines():
            mode, owner, *_ = line.split()
            self.assertEqual(owner, "root/root", line)
            self.assertRegex(mode, r"^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--)$", line)
        self.assertEqual((self.root / "DEBIAN/conffiles").read_text(), "/etc/frdpu/frdpu.json\n")

    def test_its_scripts_are_shell_and_its_binary_runs(self):
        for script in ("postinst", "prerm", "postrm"):
            run("sh", "-n", str(self.root / "DEBIAN" / script))
            self.assertTrue(os.access(self.root / "DEBIAN" / script, os.X_OK))
        self.assertEqual(run(str(self.root / "usr/bin/frdpu"), "--version"), run(FRDPU, "--version"))

    def test_the_default_configuration_is_the_default(self):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FRDPU_")}
        file = self.root / "etc/frdpu/frdpu.json"
        self.assertEqual(
            json.loads(run(FRDPU, "serve", "--config", str(file), "--print-config", env=clean)),
            json.loads(run(FRDPU, "serve", "--print-config", env=clean)))

    def test_the_manual_names_every_flag(self):
        text = gzip.decompress((self.root / "usr/share/man/man1/frdpu.1.gz").read_bytes()).decode()
        for command in ("serve", "compress", "decompress", "bench", "healthcheck"):
            flags = re.findall(r"^  (?:-\w,)?(--[\w-]+)", run(FRDPU, command, "--help"), re.M)
            self.assertGreater(len(flags), 5)
            for flag in flags:
                said = re.escape(flag.replace("-", r"\-")) + r"(?![\w\\])"
                self.assertTrue(re.search(said, text), f"{flag} of {command}")
        if shutil.which("man"):
            done = subprocess.run(["man", "--warnings", "-l", "-"], input=text, text=True,
                                  capture_output=True, check=False,
                                  env={**os.environ, "LC_ALL": "C", "MANWIDTH": "80"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_systemd_waits_longer_than_a_drain(self):
        seconds = int(re.search(r"^TimeoutStopSec=(\d+)$", self.unit, re.M).group(1))
        config = json.loads(run(FRDPU, "serve", "--print-config"))
        self.assertEqual((config["drain_timeout"], config["drain_delay"]), ("30s", "0s"))
        self.assertGreater(seconds, 30)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_takes_the_units_and_finds_them_safe(self):
        units = self.root / "usr/lib/systemd/system"
        for name in ("frdpu.service", "frdpu.socket"):
            text = (units / name).read_text().replace("/usr/bin/frdpu", FRDPU)
            (units / name).write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(units / "frdpu.service"),
                               str(units / "frdpu.socket")], capture_output=True, text=True,
                              check=False)
        complaints = [line for line in done.stderr.splitlines() if "frdpu" in line]
        self.assertEqual((done.returncode, complaints), (0, []))
        # 0 is safe, 10 is not; an untouched unit has 9.6.
        run("systemd-analyze", "security", "--offline=yes", "--threshold=15",
            str(units / "frdpu.service"))


if __name__ == "__main__":
    FRDPU = os.path.abspath(sys.argv.pop(1))
    SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
