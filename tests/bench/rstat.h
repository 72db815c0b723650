/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the benchmark of rstat share. */
#ifndef BENCH_RSTAT_H
#define BENCH_RSTAT_H

#include <err.h>

#include "forecast_report.h"
#include "graph.h"
#include "layout.h"
#include "record.h"
#include "scripted.h"

#define CONTAINERS	10000
#define RESOURCES	24

double now(void);	/* seconds, of a clock that nobody sets */
/* One line of the table. */
void result(const char *name, double value, const char *unit);
/* Seconds that the fastest of @rounds calls took. */
double best_of(int rounds, void (*fn)(void *arg), void *arg);

/* The same resources for all, and one sample of the first @nr containers. */
void bench_resources(struct script *s);
void sample_all(struct script *s, int nr, int64_t stamp);
/* Path of a file of container @c. */
void file_of(const char *dir, int c, int kind, char path[512]);

/* @naive: the program of naive.c */
void bench_export(const char *dir, const char *naive);
void bench_cached(const char *dir, const char *socket_path);
void bench_fleet(const char *dir, int nr);
void bench_forecast(const char *dir);

#endif /* BENCH_RSTAT_H */
