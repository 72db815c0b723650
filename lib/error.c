// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "internal.h"

static _Thread_local char message[512];

int rescore_error(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	return err;
}

int rescore_error_again(int err, char *message_then)
{
	rescore_error(err, "%s", message_then ?: "out of memory");
	free(message_then);
	return err;
}

const char *rescore_strerror(void)
{
	return message[0] ? message : "no error";
}

const char *rescore_version(void)
{
	return RESCORE_VERSION;
}

int64_t rescore_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void rescore_nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000L }, NULL);
}
