// test/main FOLDER runs all tests with FOLDER/libcuda.so.1 and FOLDER/checked/libcuda.so.1, with several seeds, and says which fail.
#include "cases.h"
#include "driver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

namespace {

const int seeds[] = {1, 2, 3, 4};

std::string read_all(FILE *f) {
    std::string text;
    char piece[4096];
    rewind(f);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
        text.append(piece, n);
    return text;
}

[[noreturn]] void run_child(const Case &c, const std::string &library, const std::string &words, FILE *out, FILE *err) {
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    setenv("CUDA_STANDIN", words.c_str(), 1);
    load(library.c_str());
    c.body();
    exit(0);
}

// judge returns what is wrong with how a test ended, or nothing.
std::string judge(const Case &c, int status, const std::string &err) {
    const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (signal != c.signal)
        return "it ended by signal " + std::to_string(signal) + " in place of " + std::to_string(c.signal);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        return "it failed";
    for (const char *s : c.says)
        if (err.find(s) == std::string::npos)
            return std::string("it does not say \"") + s + "\"";
    return "";
}

// run_case returns whether a test passed, with one library and one seed.
bool run_case(const Case &c, const std::string &library, int seed) {
    std::string words = c.words;
    if (words.find("seed") == std::string::npos)
        words += (words.empty() ? "seed=" : ",seed=") + std::to_string(seed);
    FILE *out = tmpfile(), *err = tmpfile();
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0)
        run_child(c, library, words, out, err);
    int status;
    waitpid(child, &status, 0);
    const std::string said = read_all(err), wrong = judge(c, status, said);
    if (!wrong.empty())
        printf("FAIL %s, %s, CUDA_STANDIN=%s: %s\n%s%s", c.name, library.c_str(), words.c_str(), wrong.c_str(), read_all(out).c_str(),
               said.c_str());
    fclose(out);
    fclose(err);
    return wrong.empty();
}

} // namespace
} // namespace test

int main(int count, char **arguments) {
    using namespace test;
    if (count != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
        return 2;
    }
    const std::string folder = arguments[1];
    int runs = 0, failures = 0;
    for (const auto &cases : {kernel_cases(), program_cases(), word_cases()})
        for (const Case &c : cases)
            for (int build : {PLAIN, CHECKED})
                for (int seed : seeds)
                    if (c.builds & build) {
                        runs++;
                        failures += !run_case(c, folder + (build == CHECKED ? "/checked" : "") + "/libcuda.so.1", seed);
                    }
    printf("%d of %d runs failed\n", failures, runs);
    return failures ? 1 : 0;
}
