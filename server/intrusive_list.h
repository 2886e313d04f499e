#pragma once

/// A doubly linked list whose links live in its members: no allocation, O(1) removal.
namespace frdpu::server {

template <class T>
class IntrusiveList;

/// Base of everything that can stand in one list at a time.
template <class T>
class ListHook {
 public:
  ListHook() = default;
  ListHook(const ListHook&) = delete;
  ListHook& operator=(const ListHook&) = delete;

 private:
  friend class IntrusiveList<T>;
  T* previous_ = nullptr;
  T* next_ = nullptr;
  IntrusiveList<T>* list_ = nullptr;
};

/// Members in the order of their arrival. Ownership: none. Threads: one at a time.
template <class T>
class IntrusiveList {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] T* front() const noexcept { return head_; }
  [[nodiscard]] static T* next(const T& item) noexcept { return item.ListHook<T>::next_; }

  /// Puts `item` last; takes it out of the list it stands in.
  void push_back(T& item) noexcept {
    remove(item);
    ListHook<T>& hook = item;
    hook.list_ = this;
    hook.previous_ = tail_;
    if (tail_) {
      static_cast<ListHook<T>&>(*tail_).next_ = &item;
    } else {
      head_ = &item;
    }
    tail_ = &item;
  }

  /// Takes `item` out of whichever list it stands in, if any.
  static void remove(T& item) noexcept {
    ListHook<T>& hook = item;
    if (!hook.list_) return;
    IntrusiveList& list = *hook.list_;
    (hook.previous_ ? static_cast<ListHook<T>&>(*hook.previous_).next_ : list.head_) = hook.next_;
    (hook.next_ ? static_cast<ListHook<T>&>(*hook.next_).previous_ : list.tail_) = hook.previous_;
    hook.list_ = nullptr;
    hook.previous_ = hook.next_ = nullptr;
  }

 private:
  T* head_ = nullptr;
  T* tail_ = nullptr;
};

}  // namespace frdpu::server
