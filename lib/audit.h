/* SPDX-License-Identifier: GPL-2.0 */
/* An audit's parts. */
#ifndef RESCORE_AUDIT_H
#define RESCORE_AUDIT_H

#include "internal.h"

typedef void (*audit_report)(const struct rescore_audit_row *row, bool differs,
			     void *arg);

/*
 * A row that the kernel counts, and its knobs. Returns the number of differences;
 * every one, and every held that was compared, is reported.
 */
int rescore_audit_delegated(const struct rescore *rs, unsigned int slot,
			    unsigned int id, audit_report report, void *arg);

#endif /* RESCORE_AUDIT_H */
