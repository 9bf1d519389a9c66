// SPDX-License-Identifier: Apache-2.0
// What models put in the place of fences, of a pause, and of a list's link. Test support.
#pragma once

#include "model/model_atomic.hpp"

namespace tarn::model {

/// Either side of the asymmetric fence.
struct FullFence {
  static void run() { rl::atomic_thread_fence(rl::mo_seq_cst, $); }
};
/// The fault that the models of an asymmetric fence must find.
struct NoFence {
  static void run() {}
};

struct ModelMutex {
  void lock() { mutex.lock($); }
  void unlock() { mutex.unlock($); }
  rl::mutex mutex;
};

struct ModelPause {
  static void run() { rl::yield(1, $); }
};

/// The link of a Node whose `next` relacy watches: an access that is not ordered is reported as a
/// race.
template <class Node>
struct WatchedLink {
  static Node* next(const Node* node) { return node->next($); }
  static void set_next(Node* node, Node* next) { node->next($) = next; }
};

}  // namespace tarn::model
