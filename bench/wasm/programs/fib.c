/* Recursion: the Fibonacci numbers the slow way. */
#include "bench.h"

static uint32_t fib(uint32_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
    return bench_report("fib", fib(bench_size(argc, argv, 37)));
}
