// SPDX-License-Identifier: GPL-2.0
/*
 * Messages quote what was typed, which may be anything: they are escaped as a
 * whole, so that one message is one line and cannot steer the terminal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rlimitctl.h"
#include "text.h"

#define MESSAGE_MAX	1024	/* what is longer is not read, either */

static void __attribute__((format(printf, 1, 0))) print_message(const char *fmt,
								va_list ap)
{
	char raw[MESSAGE_MAX], safe[4 * MESSAGE_MAX];

	vsnprintf(raw, sizeof(raw), fmt, ap);
	/* Output that came before goes out before, if both go to one place. */
	fflush(stdout);
	fprintf(stderr, "rlimitctl: %s\n",
		escape(safe, sizeof(safe), raw, strlen(raw)));
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	return STATUS_FAILURE;
}

int usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	return STATUS_USAGE;
}

int out_of_memory(void)
{
	return fail("out of memory");
}

int finish_output(int status)
{
	int err = ferror(stdout) ? EIO : 0;

	/* What could not be written before is tried, and fails, again. */
	if (fflush(stdout))
		err = errno;
	/* One line on standard error: not a second one. */
	if (!err || status)
		return status;
	/* The reader has seen enough (`| head`): no news to anybody. */
	if (err == EPIPE)
		return STATUS_FAILURE;
	return fail("the output could not be written: %s", strerror(err));
}
