/* SPDX-License-Identifier: GPL-2.0 */
#ifndef RSTAT_COLLECT_H
#define RSTAT_COLLECT_H

#include "source.h"
#include "verb.h"

/* Sample until args->count rounds are done or a signal comes; exit status. */
/* Rounds from one flush to the next. */
long collect_flush_rounds(int step);

int collect_run(const struct args *args, source_opener open_source);

#endif /* RSTAT_COLLECT_H */
