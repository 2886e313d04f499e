#include "server/poller.h"

#include <sys/epoll.h>

#include <cerrno>
#include <system_error>

#include "server/connection.h"

namespace frdpu::server {
namespace {

// Bounded, so that timers and what workers have finished get their turn.
constexpr int kEvents = 64;

int open_epoll() {
  const int number = ::epoll_create1(EPOLL_CLOEXEC);
  if (number < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  return number;
}

epoll_event event_of(Connection& connection, std::uint32_t interest) noexcept {
  epoll_event event{};
  event.events = interest;
  event.data.ptr = &connection;
  return event;
}

}  // namespace

Poller::Poller(boost::asio::io_context& context) : epoll_(context, open_epoll()) {}

void Poller::start() {
  wait();
}

void Poller::stop() {
  boost::system::error_code ignored;
  epoll_.cancel(ignored);
}

bool Poller::add(int socket, Connection& connection, std::uint32_t interest) noexcept {
  epoll_event event = event_of(connection, interest);
  return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) == 0;
}

void Poller::change(int socket, Connection& connection, std::uint32_t interest) noexcept {
  epoll_event event = event_of(connection, interest);
  ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, socket, &event);
}

void Poller::free(Connection& connection) noexcept {
  is_telling_ ? closed_.push_back(connection) : delete &connection;
}

void Poller::wait() {
  epoll_.async_wait(epoll_.wait_read,
                    place(memory_, [this](const boost::system::error_code& error) {
                      if (error) return;
                      tell();
                      wait();
                    }));
}

void Poller::tell() {
  epoll_event events[kEvents];
  const int count = ::epoll_wait(epoll_.native_handle(), events, kEvents, 0);
  is_telling_ = true;
  for (int i = 0; i < count; ++i) {
    static_cast<Connection*>(events[i].data.ptr)->on_ready(events[i].events);
  }
  is_telling_ = false;
  while (Connection* const connection = closed_.front()) {
    closed_.remove(*connection);
    delete connection;
  }
}

}  // namespace frdpu::server
