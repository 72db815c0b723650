/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How rstat speaks: what failed is noted where it happened and printed once,
 * by whoever decides what to do about it.
 */
#ifndef RSTAT_SAY_H
#define RSTAT_SAY_H

#include <errno.h>
#include <stddef.h>

enum {
	RSTAT_OK	= 0,
	RSTAT_FAILED	= 1,
	RSTAT_USAGE	= 2,
};

/*
 * Note the message of a failure (without "rstat: " and newline); its value is
 * -@err, and never 0. failure() gives it back until the next one.
 */
#define fail(err, ...) ({					\
	int fail_err = (err);					\
	note_failure(__VA_ARGS__);				\
	fail_err > 0 ? -fail_err : -EIO;			\
})
void note_failure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *failure(void);

/* One line on standard error; control characters become '?'. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* To standard output. What goes wrong is said at the end, for all verbs alike. */
void write_output(const void *data, size_t len);

/*
 * Write out what is left of standard output. Returns @status, or RSTAT_FAILED
 * after saying so when the output did not get where it should.
 */
int finish_output(int status);

#endif /* RSTAT_SAY_H */
