/* Five bodies under gravity: divisions and square roots over a small array of structures. */
#include "bench.h"

enum { BODIES = 5 };

static struct body {
    double at[3], speed[3], mass;
} bodies[BODIES] = {
    {{0, 0, 0}, {0, 0, 0}, 39.5},
    {{4.8, -1.2, -0.1}, {0.6, 2.8, -0.02}, 0.038},
    {{8.3, 4.1, -0.4}, {-1.0, 1.8, 0.008}, 0.011},
    {{12.9, -15.1, -0.2}, {1.1, 0.9, -0.01}, 0.0017},
    {{15.4, -25.9, 0.2}, {1.0, 0.6, -0.03}, 0.002},
};

static void pull(struct body *a, struct body *b, double dt)
{
    double d[3], squared = 0;
    for (unsigned k = 0; k < 3; k++) {
        d[k] = a->at[k] - b->at[k];
        squared += d[k] * d[k];
    }
    double magnitude = dt / (squared * __builtin_sqrt(squared));
    for (unsigned k = 0; k < 3; k++) {
        a->speed[k] -= d[k] * b->mass * magnitude;
        b->speed[k] += d[k] * a->mass * magnitude;
    }
}

int main(int argc, char **argv)
{
    uint32_t steps = bench_size(argc, argv, 700000);
    uint64_t sum = 0;
    for (uint32_t t = 0; t < steps; t++) {
        for (unsigned i = 0; i < BODIES; i++)
            for (unsigned j = i + 1; j < BODIES; j++)
                pull(&bodies[i], &bodies[j], 0.001);
        for (unsigned i = 0; i < BODIES; i++)
            for (unsigned k = 0; k < 3; k++)
                bodies[i].at[k] += 0.001 * bodies[i].speed[k];
    }
    for (unsigned i = 0; i < BODIES; i++)
        for (unsigned k = 0; k < 3; k++)
            sum = bench_mix_double(sum, bodies[i].at[k]);
    return bench_report("nbody", sum);
}
