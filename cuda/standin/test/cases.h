// The tests. Each runs in a process of its own, with a library, and with CUDA_STANDIN of its own.
#ifndef TEST_CASES_H
#define TEST_CASES_H

#include <string>
#include <vector>

namespace test {

enum Build { PLAIN = 1, CHECKED = 2, BOTH = 3 };

struct Case {
    const char *name;
    int builds;
    const char *words; // of CUDA_STANDIN; a seed is added where there is none
    void (*body)();    // ends the process with 1 if it fails
    std::vector<const char *> says; // what standard error has
    int signal = 0;    // that ends the process
};

std::vector<Case> kernel_cases();  // what kernels do, and do wrong
std::vector<Case> program_cases(); // what the program that calls the driver does wrong
std::vector<Case> word_cases();    // the words of CUDA_STANDIN

} // namespace test

#endif
