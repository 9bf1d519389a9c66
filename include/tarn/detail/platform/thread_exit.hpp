// SPDX-License-Identifier: Apache-2.0
// A call at the end of the calling thread, however the thread was made. Layer platform.
#pragma once

namespace tarn::platform {

/// Has `callback(argument)` called once by the calling thread when it ends.
///
/// Any thread but the main one: after its C++ thread_locals have been destroyed, among the
/// destructors of pthread keys; so thread_local destructors may still use what the callback tears
/// down. The main thread: when its thread_locals are destroyed (return from main, exit), before
/// those made earlier than this call. Callbacks of one thread run last in, first out.
///
/// A callback may call this again, and so may a destructor of another thread_local or pthread key
/// that runs later; the new callback runs then too, in the second case at most three times a
/// thread (PTHREAD_DESTRUCTOR_ITERATIONS). `callback` must not throw.
///
/// @errors std::bad_alloc: nothing is registered.
/// @complexity one small allocation.
void call_at_thread_exit(void (*callback)(void*), void* argument);

}  // namespace tarn::platform
