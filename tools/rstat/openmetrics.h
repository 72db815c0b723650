/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A text in the exposition format, https://prometheus.io/docs/specs/om/ or
 * Prometheus' own 0.0.4. Numbers are written from integers: exact up to 2^63
 * pages, and the same in every locale.
 */
#ifndef RSTAT_OPENMETRICS_H
#define RSTAT_OPENMETRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum om_dialect {
	OM_1_0,		/* OpenMetrics 1.0: UNIT, # EOF, counters end in _total */
	OM_TEXT,	/* Prometheus 0.0.4, as node_exporter reads it */
};

enum om_type { OM_GAUGE, OM_COUNTER };

#define OM_PART		65536

struct om {
	enum om_dialect dialect;
	char *data;
	size_t len, room;
	int err;		/* no memory, or what the sink said */
	/*
	 * With a sink the text is not kept but handed on in parts of about
	 * OM_PART bytes; a non-zero result is what om_end() returns, and it is
	 * called no more.
	 */
	int (*sink)(void *arg, const char *data, size_t len);
	void *arg;
	/* Of the samples of the family that is being written. */
	char name[96];
	size_t name_len;
};

void om_free(struct om *om);
/* "application/openmetrics-text; …" */
const char *om_content_type(enum om_dialect dialect);

/*
 * Begin a family: its name without "_total", less than 80 characters. @unit:
 * "bytes" or NULL; the name has to end in it.
 */
void om_family(struct om *om, const char *name, enum om_type type,
	       const char *unit, const char *help);

/* {a="b",c="d"}, for as many samples as one likes. */
#define OM_LABELS_LEN	640

struct om_labels {
	char text[OM_LABELS_LEN];
	size_t len;
};

void om_labels_begin(struct om_labels *labels);
void om_label(struct om_labels *labels, const char *name, const char *value);
void om_labels_end(struct om_labels *labels);

/* One sample of the family; @labels is the text of some, or "". */
void om_integer(struct om *om, const char *labels, uint64_t value);
/* @value × 10^-@decimals. */
__extension__ typedef __int128 om_wide;
void om_decimal(struct om *om, const char *labels, om_wide value,
		unsigned int decimals);
void om_infinite(struct om *om, const char *labels);

/* The end of the text. 0, -ENOMEM or the sink's result. */
int om_end(struct om *om);

#endif /* RSTAT_OPENMETRICS_H */
