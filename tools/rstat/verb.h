/* SPDX-License-Identifier: GPL-2.0 */
/* The command line: one table of verbs and options drives parsing and help. */
#ifndef RSTAT_VERB_H
#define RSTAT_VERB_H

#include <stdbool.h>
#include <stddef.h>

#define RSTAT_DIR "/var/lib/rstat"

/* What may stand on a command line; a verb looks at what its table names. */
struct args {
	const char *container;	/* positional */
	const char *resource;

	const char *dir;
	const char *from;
	const char *to;
	const char *serial;
	const char *output;
	const char *sort;
	const char *listen;
	const char *tokens;
	const char *format;
	const char *horizon;
	const char *keep;
	const char *compare;
	const char *rrdcached;
	const char *theme;
	long step;		/* 0: that of the store, or 60 */
	long count;		/* 0: no end */
	long width;
	long height;
	long top;		/* at most so many containers; 0: see the verb */
	long delay;		/* seconds between two looks; 0: see the verb */
	long containers;
	long resources;
	bool quiet;
	bool batch;
	bool all;
	bool forecast;
	bool at_most;		/* begin with the first sample, if that is later */
	bool json;
	bool csv;
};

enum option_type { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER };

struct option_desc {
	const char *name;
	char letter;		/* or 0 */
	enum option_type type;
	size_t offset;		/* of the member of struct args */
	long min, max;		/* OPTION_NUMBER */
	const char *value;	/* name of the value, for the help */
	const char *help;
};

struct verb {
	const char *name;
	const char *operands;	/* "NAME RESOURCE" */
	int nr_operands;
	const char *help;	/* one line */
	const char *more;	/* a paragraph, or NULL */
	const struct option_desc *options;	/* ends with a NULL name */
	int (*run)(const struct args *args);	/* returns an exit status */
	int nr_optional;	/* of the operands, the last ones */
};

/* Parse, run and print errors; returns the exit status. */
int verb_dispatch(const struct verb *verbs, const char *version, int argc,
		  char **argv);

#endif /* RSTAT_VERB_H */
