// SPDX-License-Identifier: Apache-2.0
// A table in plain text. Program tarn.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tarn::tools {

/// Rows of cells, columns as wide as needed, two blanks apart. Thread safety: one thread at a time.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::right;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// @pre as many cells as there are columns; else std::invalid_argument
  void add_row(std::vector<std::string> cells);

  /// Title, rule and rows, each ended by a newline.
  [[nodiscard]] std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tarn::tools
