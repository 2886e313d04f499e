#include "server/poller.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include "server/exchange.h"

namespace frdpu::server {
namespace {

// Longer than an answer takes that is made on the loop, so that a few of them leave in a row; far
// shorter than the clients of a busy service wait anyway.
constexpr std::chrono::microseconds kKeptTime{300};

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

Poller::Poller(boost::asio::io_context& context, std::size_t most_kept)
    : epoll_(context, open_epoll()), most_kept_(std::min(most_kept, kTurnEvents)) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, finished_.descriptor(), &event) != 0) {
    throw std::system_error(errno, std::system_category(), "epoll_ctl");
  }
}

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

bool Poller::keep_for_end_of_round(Connection& connection) noexcept {
  if (!keeps_ || kept_count_ == most_kept_) return false;
  if (kept_count_ == 0) kept_since_ = Clock::now();
  kept_[kept_count_++] = &connection;
  return true;
}

void Poller::pump_kept() {
  // What comes of it, a pipelined request for one, is not kept again.
  const bool keeps = std::exchange(keeps_, false);
  for (std::size_t i = 0; i < kept_count_; ++i) kept_[i]->pump();
  kept_count_ = 0;
  keeps_ = keeps;
}

void Poller::pump_kept_when_due() {
  if (kept_count_ == 0) return;
  if (kept_count_ == most_kept_ || Clock::now() - kept_since_ >= kKeptTime) pump_kept();
}

void Poller::tell_finished() noexcept {
  for (Job* next = finished_.take(); next != nullptr;) {
    auto& task = static_cast<CodecTask&>(*next);
    next = next->next;
    static_cast<Exchange*>(task.owner)->slice_done();
    pump_kept_when_due();
  }
}

void Poller::tell() {
  std::size_t told = 0;
  std::size_t found = 0;
  do {
    found = tell_round(kTurnEvents - told);
    told += found;
  } while (found > 0 && told < kTurnEvents);
}

// Returns: how many events there were.
std::size_t Poller::tell_round(std::size_t most_events) {
  std::array<epoll_event, kTurnEvents> events;
  const int found =
      ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(most_events), 0);
  const auto count = static_cast<std::size_t>(std::max(found, 0));
  is_telling_ = true;
  keeps_ = count > 1;
  for (const epoll_event& event : std::span(events).first(count)) {
    if (auto* const connection = static_cast<Connection*>(event.data.ptr)) {
      connection->on_ready(event.events);
    } else {
      tell_finished();
    }
    pump_kept_when_due();
  }
  pump_kept();
  is_telling_ = keeps_ = false;
  while (Connection* const connection = closed_.front()) {
    closed_.remove(*connection);
    delete connection;
  }
  return count;
}

}  // namespace frdpu::server
