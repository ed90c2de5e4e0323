#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sstream>

namespace standin {

namespace {

Options current;

[[noreturn]] void refuse(const std::string &word, const char *why) {
    fprintf(stderr, "standin: CUDA_STANDIN: %s: %s\n", word.c_str(), why);
    abort();
}

// set sets one word's option, and returns whether there is such a word.
bool set(const std::string &word, const std::string &name, const std::string &value, bool has_value) {
    const struct {
        const char *name;
        unsigned long *value;
    } numbers[] = {{"devices", &current.devices}, {"capability", &current.capability}, {"multiprocessors", &current.multiprocessors},
                   {"memory", &current.memory},   {"alloc", &current.alloc},           {"launch", &current.launch},
                   {"lost", &current.lost},       {"seed", &current.seed}};
    const struct {
        const char *name;
        bool *value;
    } switches[] = {{"nodevice", &current.nodevice}, {"olddriver", &current.olddriver}, {"cutimage", &current.cutimage},
                    {"quiet", &current.quiet},       {"strict", &current.strict}};
    for (const auto &s : switches)
        if (name == s.name) {
            if (has_value)
                refuse(word, "this word takes no value");
            *s.value = true;
            return true;
        }
    for (const auto &n : numbers)
        if (name == n.name) {
            char *end;
            *n.value = strtoul(value.c_str(), &end, 10);
            if (value.empty() || *end)
                refuse(word, "a number is wanted");
            return true;
        }
    if (name == "report") {
        if (value.empty())
            refuse(word, "a file is wanted");
        current.report = value;
        return true;
    }
    return false;
}

} // namespace

const Options &options() { return current; }

void read_options() {
    current = Options();
    const char *words = getenv("CUDA_STANDIN");
    std::istringstream list(words ? words : "");
    for (std::string word; std::getline(list, word, ',');) {
        const size_t equals = word.find('=');
        const bool has_value = equals != std::string::npos;
        if (!word.empty() && !set(word, word.substr(0, equals), has_value ? word.substr(equals + 1) : "", has_value))
            refuse(word, "there is no such word");
    }
}

void say(const char *format, ...) {
    if (current.quiet)
        return;
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    fprintf(stderr, "standin: %s\n", text);
}

} // namespace standin
