#include "server/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <utility>

#include "server/secret_file.h"

namespace frdpu::server {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using Checked = std::expected<void, std::string>;

// Of a client's chain; OpenSSL would take 100 KiB, and keeps 5 KiB and more for each certificate as
// long as the connection lives.
constexpr long kMostCertificateBytes = 16 * 1024;
constexpr int kMostCertificates = 6;

constexpr const char* kTls12Ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
// As ALPN has it, each a length and a name, the best first; `curl --http1.0` offers the second
// alone. Source: RFC 7301, section 3.1.
constexpr unsigned char kProtocols[] = "\x08http/1.1\x08http/1.0";
constexpr unsigned kProtocolsBytes = sizeof kProtocols - 1;

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_bytes,
                    const unsigned char* in, unsigned in_bytes, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_bytes, kProtocols, kProtocolsBytes, in, in_bytes) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // RFC 7301, section 3.2: better than to speak past another
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// Who holds the listener's own key is its operator: `frdpu healthcheck` shows it.
int verify_client(X509_STORE_CTX* store, void*) {
  if (sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) > kMostCertificates) {
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_CHAIN_TOO_LONG);
    return 0;
  }
  const auto* connection =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const X509* const own = SSL_CTX_get0_certificate(SSL_get_SSL_CTX(connection));
  const X509* const shown = X509_STORE_CTX_get0_cert(store);
  if (own != nullptr && shown != nullptr && X509_cmp(own, shown) == 0) return 1;
  return X509_verify_cert(store);
}

// A service has nobody to ask: OpenSSL would read from the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

boost::asio::const_buffer buffer(const SecretFile& file) {
  return {file.text().data(), file.text().size()};
}

std::string holds_none(const std::string& flag, const std::string& path, const char* what,
                       const error_code& error) {
  return flag + ": " + path + " holds no " + what + " that can be used: " + error.message();
}

struct X509Deleter {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
struct BioDeleter {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using Certificate = std::unique_ptr<X509, X509Deleter>;

}  // namespace

struct TlsContext::Native {
  explicit Native(ssl::context::method method) : context(method) {}
  ssl::context context;
};

TlsContext::TlsContext(std::unique_ptr<Native> native) noexcept : native_(std::move(native)) {}
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

SSL_CTX* TlsContext::native() const noexcept {
  return native_->context.native_handle();
}

std::expected<TlsContext, std::string> TlsContext::load(const AccessConfig& access,
                                                        const std::string& prefix) {
  TlsContext made(std::make_unique<Native>(ssl::context::tls_server));
  SSL_CTX* const context = made.native();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kTls12Ciphers);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // An idle connection keeps no buffers; a write may go on from another place.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);  // a record in one system call instead of two
  // Tickets keep sessions with the clients. Their key is this context's: what a reload takes away
  // cannot be resumed.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, kMostCertificateBytes);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (auto ok = made.use_identity(access, prefix); !ok) return std::unexpected(ok.error());
  if (!access.tls_client_ca.empty()) {
    auto ok = made.use_client_authorities(access.tls_client_ca, prefix + "tls-client-ca");
    if (!ok) return std::unexpected(ok.error());
  }
  return made;
}

std::expected<TlsContext, std::string> TlsContext::load_client(const AccessConfig& access,
                                                               const std::string& prefix) {
  TlsContext made(std::make_unique<Native>(ssl::context::tls_client));
  SSL_CTX_set_min_proto_version(made.native(), TLS1_2_VERSION);
  SSL_CTX_set_verify(made.native(), SSL_VERIFY_NONE, nullptr);
  if (!access.tls_client_ca.empty()) {
    if (auto ok = made.use_identity(access, prefix); !ok) return std::unexpected(ok.error());
  }
  return made;
}

Checked TlsContext::use_identity(const AccessConfig& access, const std::string& prefix) {
  const std::string cert_flag = prefix + "tls-cert";
  const std::string key_flag = prefix + "tls-key";
  const auto cert = SecretFile::read(access.tls_cert);
  if (!cert) return std::unexpected(cert_flag + ": " + cert.error());
  const auto key = SecretFile::read(access.tls_key);
  if (!key) return std::unexpected(key_flag + ": " + key.error());

  SSL_CTX_set_default_passwd_cb(native(), no_password);
  error_code error;
  native_->context.use_certificate_chain(buffer(*cert), error);
  if (error) {
    return std::unexpected(holds_none(cert_flag, access.tls_cert, "certificate", error));
  }
  if (key->text().contains("ENCRYPTED")) {
    return std::unexpected(key_flag + ": " + access.tls_key +
                           " is encrypted, and there is nobody to ask for its password");
  }
  native_->context.use_private_key(buffer(*key), ssl::context::pem, error);
  const auto number = static_cast<unsigned long>(error.value());
  const bool is_another = ERR_GET_LIB(number) == ERR_LIB_X509 &&
                          (ERR_GET_REASON(number) == X509_R_KEY_VALUES_MISMATCH ||
                           ERR_GET_REASON(number) == X509_R_KEY_TYPE_MISMATCH);
  if (error && !is_another) {
    return std::unexpected(holds_none(key_flag, access.tls_key, "key", error));
  }
  if (is_another || SSL_CTX_check_private_key(native()) != 1) {
    return std::unexpected(key_flag + ": the key in " + access.tls_key +
                           " does not belong to the certificate in " + access.tls_cert);
  }
  if (key->is_world_readable()) warnings_.push_back(access.tls_key + " is readable by everybody");
  const X509* const own = SSL_CTX_get0_certificate(native());
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0) {
    warnings_.push_back("the certificate in " + access.tls_cert + " has expired");
  }
  return {};
}

Checked TlsContext::use_client_authorities(const std::string& path, const std::string& flag) {
  const auto file = SecretFile::read(path);
  if (!file) return std::unexpected(flag + ": " + file.error());
  SSL_CTX* const context = native();
  error_code error;
  native_->context.add_certificate_authority(buffer(*file), error);
  if (error) return std::unexpected(holds_none(flag, path, "certificate", error));
  // Their names go to clients, which choose by them the certificate that they show.
  const std::unique_ptr<BIO, BioDeleter> bio(
      BIO_new_mem_buf(file->text().data(), static_cast<int>(file->text().size())));
  while (const Certificate each{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
    SSL_CTX_add_client_CA(context, each.get());
  }
  ERR_clear_error();  // the end of the file
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_client, nullptr);
  constexpr std::string_view kName = "frdpu";
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(kName.data()),
                                 static_cast<unsigned>(kName.size()));
  return {};
}

std::string TlsContext::expires() const {
  std::tm time{};
  char text[32] = "";
  const X509* const own = SSL_CTX_get0_certificate(native());
  if (own != nullptr && ASN1_TIME_to_tm(X509_get0_notAfter(own), &time) == 1) {
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &time);
  }
  return text;
}

}  // namespace frdpu::server
