/* Indirect calls: a small virtual machine whose operations are functions in a table. */
#include "bench.h"

struct machine {
    uint64_t accumulator, counter;
};

typedef void operation(struct machine *m, uint32_t argument);

static void op_add(struct machine *m, uint32_t argument)
{
    m->accumulator += argument;
}

static void op_xor(struct machine *m, uint32_t argument)
{
    m->accumulator ^= (uint64_t)argument << 7;
}

static void op_multiply(struct machine *m, uint32_t argument)
{
    m->accumulator *= argument | 1;
}

static void op_rotate(struct machine *m, uint32_t argument)
{
    unsigned n = argument & 63;
    m->accumulator = m->accumulator << n | m->accumulator >> ((64 - n) & 63);
}

static void op_count(struct machine *m, uint32_t argument)
{
    m->counter += m->accumulator & 1 ? argument : 1;
}

static void op_fold(struct machine *m, uint32_t argument)
{
    m->accumulator += m->counter >> (argument & 15);
}

static operation *volatile operations[] = {op_add,   op_xor,  op_multiply, op_rotate,
                                           op_count, op_fold, op_add,      op_xor};

int main(int argc, char **argv)
{
    uint32_t steps = bench_size(argc, argv, 20000000), random = 11;
    struct machine m = {1, 0};
    uint32_t program[256];
    for (unsigned i = 0; i < 256; i++)
        program[i] = bench_random(&random);
    for (uint32_t i = 0; i < steps; i++)
        operations[program[i & 255] & 7](&m, program[i & 255] >> 3);
    return bench_report("indirect", m.accumulator ^ m.counter);
}
