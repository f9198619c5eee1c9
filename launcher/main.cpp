#include <iostream>

#include "launcher/command_line.h"

int main(int argc, char** argv) {
  return lockstep::run_command_line({argv + 1, argv + argc}, std::cout, std::cerr);
}
