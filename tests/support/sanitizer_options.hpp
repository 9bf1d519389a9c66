// SPDX-License-Identifier: Apache-2.0
// Lets the sanitizers refuse absurd sizes as the C library does: by null, not by ending the
// program. For the one source file of a test program that asks for such sizes of kind heap.
#pragma once

// The names are the sanitizers', which look for them; without sanitizers nobody calls them.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }
