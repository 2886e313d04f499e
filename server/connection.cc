#include "server/connection.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "server/exchange.h"
#include "server/io_loop.h"
#include "server/metrics.h"
#include "server/request_reader.h"
#include "server/service.h"
#include "server/tls_session.h"

namespace frdpu::server {
namespace {

// What a refused request may still send before its connection is cut: enough that the answer is
// not lost to a reset while usual uploads are under way, bounded so that nobody is served by it.
constexpr std::uint32_t kLingerBytes = 16u << 20;
constexpr auto kLingerTime = std::chrono::seconds(5);

// Time of one pump before other connections of the loop get their turn.
constexpr auto kTurn = std::chrono::microseconds(500);

bool would_block(int error) noexcept {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

Connection::Connection(IoLoop& loop, core::FileDescriptor socket, proto::Listener listener)
    : loop_(loop), socket_(std::move(socket)), listener_(listener) {
  if (is_counted()) loop_.metrics().connection_entered(ConnectionState::idle);
}

Connection::~Connection() {
  if (!is_counted()) return;
  loop_.metrics().connection_left(active_ ? ConnectionState::active : ConnectionState::idle);
}

void Connection::set_active(bool active) noexcept {
  if (active == active_ || !is_counted()) return;
  loop_.metrics().connection_left(active_ ? ConnectionState::active : ConnectionState::idle);
  active_ = active;
  loop_.metrics().connection_entered(active_ ? ConnectionState::active : ConnectionState::idle);
}

void Connection::start() {
  loop_.fresh().push_back(*this);
  deadline_ = loop_.now() + loop_.service().config().header_timeout;
  interest_ = EPOLLIN;
  if (!loop_.poller().add(descriptor(), *this, interest_)) return close();
  const ListenerGuard& guard = loop_.service().guard(listener_);
  if (guard.has_tls()) {
    tls_ = guard.open_session(descriptor());
    if (!tls_) return close();
  }
  wait_readable();
}

void Connection::wait_for(bool readable, bool writable) {
  if (tls_) {
    // A read may have to write first, and the other way round.
    writable |= readable && tls_->receive_wants_write();
    readable |= writable && tls_->send_wants_read();
    // What is here already, in the session, makes no socket readable.
    if (readable && readable_) return yield();
  }
  if (readable) wait_readable();
  if (writable) wait_writable();
}

void Connection::wait_readable() {
  read_armed_ = true;
  want(EPOLLIN);
}

void Connection::wait_writable() {
  write_armed_ = true;
  want(EPOLLOUT);
}

void Connection::want(std::uint32_t events) {
  if ((interest_ & events) != events) set_interest(interest_ | events);
}

void Connection::set_interest(std::uint32_t events) noexcept {
  interest_ = events;
  loop_.poller().change(descriptor(), *this, interest_);
}

void Connection::on_ready(std::uint32_t events) {
  if (phase_ == Phase::closed) return;  // in this turn, by what came before
  const bool hung_up = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const bool reads = read_armed_ && (hung_up || (events & EPOLLIN) != 0);
  const bool writes = write_armed_ && (hung_up || (events & EPOLLOUT) != 0);
  if (!reads && !writes) {
    if (hung_up) return close();  // in both directions: nobody can take the answer any more
    return set_interest(interest_ & ~events);  // not wanted now, and not to be told again and again
  }
  if (reads) {
    read_armed_ = false;
    readable_ = true;
  }
  if (writes) write_armed_ = false;
  if (phase_ == Phase::open) return pump();
  writes ? end_output() : drain_unread();
}

bool Connection::shake_hands() {
  switch (tls_->handshake()) {
    case IoResult::State::ok:
      readable_ = true;  // a request may have come with the handshake's last record
      return true;
    case IoResult::State::would_block:
      tls_->wants_write() ? wait_writable() : wait_readable();
      return false;
    case IoResult::State::ended:
    case IoResult::State::failed:
      loop_.access_log().refused_handshake(listener_, descriptor(), tls_->failure(), loop_.now());
      if (tls_->met_plain_http()) loop_.service().refuse_plain_text(descriptor());
      linger();  // not to lose the alert
      return false;
  }
  return false;
}

IoResult Connection::receive(std::span<const core::MutableBytes> rooms) noexcept {
  if (!tls_) return receive_plain(rooms);
  if (!readable_ && !tls_->receive_wants_write()) return {.state = IoResult::State::would_block};
  const IoResult got = tls_->receive(rooms.front());
  readable_ = !tls_->is_drained();
  return got;
}

IoResult Connection::receive_plain(std::span<const core::MutableBytes> rooms) noexcept {
  if (!readable_) return {.state = IoResult::State::would_block};
  std::array<iovec, RequestReader::kMaxRooms> views;
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    views[i] = {.iov_base = rooms[i].data(), .iov_len = rooms[i].size()};
    wanted += rooms[i].size();
  }
  const auto got = rooms.size() == 1
                       ? ::recv(descriptor(), rooms.front().data(), wanted, 0)
                       : ::readv(descriptor(), views.data(), static_cast<int>(rooms.size()));
  if (got > 0) {
    const auto bytes = static_cast<std::size_t>(got);
    readable_ = bytes == wanted;
    return {.state = IoResult::State::ok, .bytes = bytes};
  }
  if (got == 0) return {.state = IoResult::State::ended};
  if (errno == EINTR) return {.state = IoResult::State::ok};
  readable_ = false;
  return {.state = would_block(errno) ? IoResult::State::would_block : IoResult::State::failed};
}

IoResult Connection::send(std::span<const iovec> views) noexcept {
  if (tls_) return tls_->send(views);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(views.data());
  message.msg_iovlen = views.size();
  const auto sent = views.size() == 1 ? ::send(descriptor(), views.front().iov_base,
                                               views.front().iov_len, MSG_NOSIGNAL)
                                      : ::sendmsg(descriptor(), &message, MSG_NOSIGNAL);
  if (sent >= 0) {
    sent_bytes_ += static_cast<std::uint64_t>(sent);
    return {.state = IoResult::State::ok, .bytes = static_cast<std::size_t>(sent)};
  }
  if (errno == EINTR) return {.state = IoResult::State::ok};
  return {.state = would_block(errno) ? IoResult::State::would_block : IoResult::State::failed};
}

std::uint64_t Connection::taken_bytes() const noexcept {
  int queued = 0;
  const std::uint64_t sent = tls_ ? tls_->wire_bytes_sent() : sent_bytes_;
  if (::ioctl(descriptor(), SIOCOUTQ, &queued) != 0) return sent;
  return sent - std::min<std::uint64_t>(static_cast<std::uint64_t>(queued), sent);
}

void Connection::pump() {
  if (phase_ != Phase::open) return;
  if (tls_ && !tls_->is_established() && !shake_hands()) return;
  TimePoint now = loop_.now();
  if (!exchange_) {
    exchange_ = loop_.take_exchange();
    exchange_->attach(*this, now);
    loop_.active().push_back(*this);
    set_active(true);
  }
  const TimePoint ends = now + kTurn;
  do {
    const Exchange::Next next = exchange_->pump(now);
    switch (next.what) {
      case Exchange::Next::What::wait:
        return wait_for(next.readable, next.writable);
      case Exchange::Next::What::again:
        break;
      case Exchange::Next::What::idle:
        return become_idle(now);
      case Exchange::Next::What::linger:
        return linger();
      case Exchange::Next::What::close:
        return close();
      case Exchange::Next::What::reset:
        return abort();
    }
    now = loop_.now();
  } while (now < ends);
  yield();
}

void Connection::yield() {
  // Others first: come back behind everything that is ready by now.
  if (yielded_) return;
  yielded_ = true;
  ++pending_;
  boost::asio::post(loop_.context(), place(yield_memory_, [this] {
                      yielded_ = false;
                      --pending_;
                      if (phase_ == Phase::closed) return destroy_if_unused();
                      if (phase_ == Phase::open) pump();
                    }));
}

void Connection::become_idle(TimePoint now) {
  loop_.give_exchange(std::move(exchange_));
  set_active(false);
  if (loop_.service().lifecycle().closing()) return close();
  loop_.idle().push_back(*this);
  deadline_ = now + loop_.service().config().idle_timeout;
  wait_for(true, false);
}

void Connection::on_deadline() {
  if (phase_ == Phase::lingering || !exchange_) return close();
  exchange_->on_deadline();
  pump();
}

void Connection::close_when_idle() {
  if (phase_ == Phase::open && !exchange_) close();
}

void Connection::linger() {
  if (exchange_) loop_.give_exchange(std::move(exchange_));
  phase_ = Phase::lingering;
  deadline_ = loop_.now() + loop_.service().config().write_timeout;
  loop_.active().push_back(*this);
  end_output();
}

void Connection::end_output() {
  // TLS's goodbye waits for room behind the answer; without it the answer would look cut off.
  if (tls_ && tls_->end() == IoResult::State::would_block) return wait_writable();
  // Half-close, then read what the client still sends: closing with unread bytes would reset the
  // connection and could destroy the answer before the client has read it.
  ::shutdown(descriptor(), SHUT_WR);
  deadline_ = loop_.now() + kLingerTime;
  drain_unread();
}

void Connection::drain_unread() {
  std::byte scrap[16 * core::kKiB];
  while (lingered_bytes_ < kLingerBytes) {
    const IoResult got =
        receive_plain({{core::MutableBytes(scrap)}});  // what nobody reads need not be decrypted
    if (got.state == IoResult::State::would_block) return wait_readable();
    if (got.state != IoResult::State::ok) break;
    lingered_bytes_ += static_cast<std::uint32_t>(got.bytes);
  }
  close();
}

void Connection::abort() {
  tls_.reset();
  const ::linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void Connection::close() {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  if (exchange_) exchange_->detach();
  if (tls_) (void)tls_->end();  // says nothing behind a failure: then an answer may be half out
  static_cast<void>(socket_.close());
  destroy_if_unused();
}

void Connection::task_done() {
  --pending_;
  if (phase_ == Phase::closed) return destroy_if_unused();
  pump();
}

void Connection::destroy_if_unused() {
  if (pending_ > 0) return;
  if (exchange_) loop_.give_exchange(std::move(exchange_));
  loop_.destroy(*this);
}

}  // namespace frdpu::server
