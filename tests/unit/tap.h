/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Test Anything Protocol for a program with a main() of its own:
 *
 *	int main(void)
 *	{
 *		tap_ok(1 + 1 == 2, "one and one");
 *		return tap_done();
 *	}
 */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tap {
	unsigned int run, failed;
};

static struct tap tap;

/* The name may be a format. Returns @passed. */
static inline bool __attribute__((format(printf, 2, 3)))
tap_ok(bool passed, const char *name, ...)
{
	va_list ap;

	tap.run++;
	tap.failed += !passed;
	printf("%s %u - ", passed ? "ok" : "not ok", tap.run);
	va_start(ap, name);
	vprintf(name, ap);
	va_end(ap);
	putchar('\n');
	return passed;
}

static inline bool tap_is_text(const char *got, const char *want,
			       const char *name)
{
	bool same = got && !strcmp(got, want);

	tap_ok(same, "%s", name);
	if (!same)
		printf("#  got: %s\n# want: %s\n", got ? got : "(null)", want);
	return same;
}

static inline bool tap_is_int(int64_t got, int64_t want, const char *name)
{
	bool same = got == want;

	tap_ok(same, "%s", name);
	if (!same)
		printf("#  got: %" PRId64 "\n# want: %" PRId64 "\n", got, want);
	return same;
}

/* Print the plan; the exit status. */
static inline int tap_done(void)
{
	printf("1..%u\n", tap.run);
	return tap.failed != 0;
}

/* A generator whose numbers are the same on every machine (xorshift64*). */
static inline uint64_t tap_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545F4914F6CDD1DULL;
}

#endif /* TAP_H */
