#include "server/io_loop.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "server/exchange.h"
#include "server/metrics.h"
#include "server/service.h"

namespace frdpu::server {
namespace {

// Deadlines are coarse on purpose: one timer a thread instead of one a connection.
constexpr auto kTick = std::chrono::milliseconds(100);
// While somebody waits for a block, look that often.
constexpr auto kWaiterTick = std::chrono::milliseconds(5);
// Connections that are looked at, for those who wait, whenever a request gave room back.
constexpr std::size_t kFirstWaiters = 64;
// Exchanges kept for reuse; beyond this many at once they are an allocation each.
constexpr std::size_t kSpareExchanges = 4096;

// An answer that is kept for the end of a round holds three blocks at most, which others must not
// miss.
std::size_t most_kept(const Config& config) {
  return std::min(config.pool_mtu_blocks, config.pool_64k_blocks) / 16 / config.threads;
}

}  // namespace

IoLoop::IoLoop(Service& service, MetricsShard& metrics)
    : service_(service),
      metrics_(metrics),
      access_log_(service.config(), service.log()),
      work_(context_.get_executor()),
      timer_(context_),
      poller_(context_, most_kept(service.config())) {
  spare_exchanges_.reserve(kSpareExchanges);
  renew_date();
  service_.add_loop(*this);
}

IoLoop::~IoLoop() {
  finish();
  service_.remove_loop(*this);
}

void IoLoop::finish() {
  if (ending_) return;
  ending_ = true;
  abort_connections();
  poller_.tell_finished();
  work_.reset();
  timer_.cancel();
  poller_.stop();
  context_.restart();
  context_.run();
}

void IoLoop::run() {
  schedule_tick();
  poller_.start();
  context_.run();
}

void IoLoop::stop() {
  context_.stop();
}

void IoLoop::adopt(core::FileDescriptor socket, proto::Listener listener) {
  if (ending_) return service_.connection_ended(listener);
  auto* connection = new Connection(*this, std::move(socket), listener);
  ++connections_;
  connection->start();
}

void IoLoop::destroy(Connection& connection) {
  IntrusiveList<Connection>::remove(connection);
  --connections_;
  service_.connection_ended(connection.listener());
  poller_.free(connection);
}

std::unique_ptr<Exchange> IoLoop::take_exchange() {
  if (spare_exchanges_.empty()) return std::make_unique<Exchange>(service_);
  std::unique_ptr<Exchange> exchange = std::move(spare_exchanges_.back());
  spare_exchanges_.pop_back();
  return exchange;
}

void IoLoop::give_exchange(std::unique_ptr<Exchange> exchange) {
  exchange->detach();
  if (spare_exchanges_.size() < kSpareExchanges) spare_exchanges_.push_back(std::move(exchange));
}

void IoLoop::schedule_tick() {
  if (ending_) return;  // this tick was due when the loop stopped: nobody waits for another one
  timer_.expires_after(has_waiters() ? kWaiterTick : kTick);
  timer_.async_wait(place(tick_memory_, [this](const boost::system::error_code& error) {
    error ? schedule_tick() : tick();  // cancelled: somebody waits, and the next one is due sooner
  }));
}

void IoLoop::note_waiter() {
  if (has_waiters()) return;
  has_waiters_.store(true, std::memory_order_relaxed);
  timer_.cancel();
}

void IoLoop::note_returned_room() {
  if (ending_) return;
  if (IoLoop* const next = service_.next_waiting_loop()) next->wake();
}

void IoLoop::wake() {
  // One at a time, so that its memory is free.
  if (wake_due_.exchange(true, std::memory_order_acq_rel)) return;
  boost::asio::post(context_, place(wake_memory_, [this] { wake_first_waiters(); }));
}

void IoLoop::tick() {
  renew_date();
  const TimePoint now = Clock::now();
  expire_front(fresh_, now);
  expire_front(idle_, now);
  for (Connection* next = active_.front(); next;) {
    Connection& connection = *next;
    next = IntrusiveList<Connection>::next(connection);
    Exchange* const exchange = connection.exchange();
    const bool goes_on = exchange && exchange->tick(now);  // may move the deadline
    if (goes_on) {
      connection.pump();
    } else if (connection.deadline() <= now) {
      connection.on_deadline();
    }
  }
  wake_waiters();
  schedule_tick();
}

void IoLoop::expire_front(IntrusiveList<Connection>& list, TimePoint now) {
  // One timeout a list, and members come in at the end: the first that is not due ends the walk.
  for (Connection* next = list.front(); next && next->deadline() <= now;) {
    Connection& connection = *next;
    next = IntrusiveList<Connection>::next(connection);
    connection.on_deadline();
  }
}

void IoLoop::wake_waiters() {
  if (!has_waiters()) return;
  // Those who still wait say so again.
  has_waiters_.store(false, std::memory_order_relaxed);
  for (Connection* next = active_.front(); next;) {
    Connection& connection = *next;
    next = IntrusiveList<Connection>::next(connection);
    wake_waiter(connection);
  }
}

// Not all of them: that is what a tick is for, and here it would be a walk for each request.
void IoLoop::wake_first_waiters() {
  wake_due_.store(false, std::memory_order_release);
  if (ending_) return;
  Connection* next = active_.front();
  for (std::size_t i = 0; i < kFirstWaiters && next; ++i) {
    Connection& connection = *next;
    next = IntrusiveList<Connection>::next(connection);
    wake_waiter(connection);
  }
}

void IoLoop::wake_waiter(Connection& connection) {
  Exchange* const exchange = connection.exchange();
  if (!exchange || !exchange->waits_for_memory()) return;
  exchange->memory_may_be_back();
  connection.pump();
}

void IoLoop::close_idle_connections() {
  for (IntrusiveList<Connection>* list : {&fresh_, &idle_}) {
    for (Connection* next = list->front(); next;) {
      Connection& connection = *next;
      next = IntrusiveList<Connection>::next(connection);
      connection.close_when_idle();
    }
  }
}

std::size_t IoLoop::abort_connections() {
  std::size_t count = 0;
  for (IntrusiveList<Connection>* list : {&fresh_, &idle_, &active_}) {
    for (Connection* next = list->front(); next;) {
      Connection& connection = *next;
      next = IntrusiveList<Connection>::next(connection);
      count += list == &active_ ? 1 : 0;
      connection.abort();
    }
  }
  return count;
}

void IoLoop::renew_date() {
  const std::time_t second = std::time(nullptr);
  if (second == date_second_) return;
  date_second_ = second;
  std::tm utc{};
  gmtime_r(&second, &utc);
  // Not strftime's %a and %b: those follow the locale.
  static constexpr char kDays[] = "SunMonTueWedThuFriSat";
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char text[sizeof date_ + 1];
  std::snprintf(text, sizeof text, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT",
                kDays + 3 * utc.tm_wday, static_cast<unsigned>(utc.tm_mday) % 100u,
                kMonths + 3 * utc.tm_mon, static_cast<unsigned>(utc.tm_year + 1900) % 10000u,
                static_cast<unsigned>(utc.tm_hour) % 100u, static_cast<unsigned>(utc.tm_min) % 100u,
                static_cast<unsigned>(utc.tm_sec) % 100u);
  std::copy_n(text, sizeof date_, date_);
}

}  // namespace frdpu::server
