// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

static char message[1024] = "no failure";

void note_failure(const char *fmt, ...)
{
	char text[sizeof(message)];
	va_list args;

	/* An argument may be failure() itself. */
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(message, text, sizeof(message));
}

const char *failure(void)
{
	return message;
}

void say(const char *fmt, ...)
{
	char line[1200] = "rstat: ";
	size_t start = strlen(line);
	size_t len;
	va_list args;

	va_start(args, fmt);
	vsnprintf(line + start, sizeof(line) - start - 1, fmt, args);
	va_end(args);

	/* Names come from files and must not steer the terminal. */
	len = strlen(line);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len++] = '\n';

	/* One write: lines of the writer and of its parent do not mix. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;	/* nowhere left to say so */
}

/* Why the first write failed: a later one, or stdio, no longer tells. */
static int output_error;

void write_output(const void *data, size_t len)
{
	errno = 0;
	if (fwrite(data, 1, len, stdout) < len && !output_error)
		output_error = errno ? errno : EIO;
}

int finish_output(int status)
{
	int err = output_error;

	errno = 0;
	if (!err && (fflush(stdout) || ferror(stdout)))
		err = errno ? errno : EIO;
	if (!err)
		return status;

	if (err != EPIPE)
		say("standard output: %s", strerror(err));
	return RSTAT_FAILED;
}
