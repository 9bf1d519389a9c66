// SPDX-License-Identifier: Apache-2.0
// Memory for one object. Layer: recycler.
#include "tarn/detail/recycler/slot.hpp"

#include <new>

#include "tarn/detail/recycler/local_pool.hpp"

namespace tarn::recycler {

void* SlotLayout::allocate(Home* home, bool checked) const {
  void* const memory = alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__
                           ? ::operator new (size, std::align_val_t{alignment})
                           : ::operator new(size);
  void* const object = static_cast<std::byte*>(memory) + offset;
  ::new (static_cast<void*>(slot_of(object))) Slot{home, nullptr};
  if (checked) ::new (static_cast<void*>(&state_of(object))) SlotState;
  return object;
}

void SlotLayout::deallocate(void* object) const noexcept {
  void* const memory = static_cast<std::byte*>(object) - offset;
  if (alignment > __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
    ::operator delete (memory, std::align_val_t{alignment});
  } else {
    ::operator delete(memory);
  }
}

}  // namespace tarn::recycler
