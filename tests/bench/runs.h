/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_RUNS_H
#define BENCH_RUNS_H

/*
 * How often BPF programs have run, all together, of those that there were at the
 * first call. The kernel counts that while kernel.bpf_stats_enabled is 1.
 */
double runs(void);

#endif
