// SPDX-License-Identifier: GPL-2.0
/*
 * What people type: amounts, bounds, names. No text crashes the parsers, what
 * they accept is in range, and what is printed is read back as it was.
 *
 * The first byte is the unit; the rest is the text, and its first eight bytes
 * an amount to print.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "librescore.h"

#define TEXT_MAX	200
#define UNTOUCHED	(-77)
#define BUF_SIZE	64

#define check(condition)						\
do {									\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__,	\
			__LINE__, #condition);				\
		abort();						\
	}								\
} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool in_range(int64_t amount)
{
	return (amount >= 0 && amount <= RESCORE_BOUND_MAX) ||
	       amount == RESCORE_UNLIMITED;
}

/* The amount, or UNTOUCHED: refused, with a reason. */
static int64_t parse(const char *text, unsigned int unit)
{
	int64_t amount = UNTOUCHED;
	int err;

	err = rescore_parse_amount(text, unit, &amount);
	check(err == 0 || err == -EINVAL || err == -ERANGE);
	if (err) {
		check(amount == UNTOUCHED);
		check(*rescore_strerror());
	} else {
		check(in_range(amount));
	}
	return amount;
}

static void check_printed(int64_t amount, unsigned int unit)
{
	char buf[BUF_SIZE], tight[4];
	int64_t back, error;

	rescore_format_amount(amount, unit, true, tight, sizeof(tight));
	check(strnlen(tight, sizeof(tight)) < sizeof(tight));
	rescore_format_amount(amount, unit, true, buf, sizeof(buf));
	check(strnlen(buf, sizeof(buf)) < sizeof(buf) - 1);
	if (in_range(amount))
		check(parse(buf, unit) == amount);

	rescore_format_amount(amount, unit, false, buf, sizeof(buf));
	check(strnlen(buf, sizeof(buf)) < sizeof(buf) - 1);
	if (!in_range(amount) || unit == RESCORE_NSEC)
		return;
	/* for people: three digits of it */
	back = parse(buf, unit);
	check(back != UNTOUCHED);
	if (amount == RESCORE_UNLIMITED || back == RESCORE_UNLIMITED) {
		check(back == amount);
		return;
	}
	error = back > amount ? back - amount : amount - back;
	check(error <= amount / 200 + 1);
}

/* The same number written in other ways. */
static void check_same(const char *text, unsigned int unit, int64_t amount)
{
	char other[TEXT_MAX + sizeof(".0K")];
	size_t len = strlen(text);

	if (text[0] < '0' || text[0] > '9')
		return;
	snprintf(other, sizeof(other), "0%s", text);
	check(parse(other, unit) == amount);
	if (unit == RESCORE_BYTES && strspn(text, "0123456789") == len &&
	    amount <= RESCORE_BOUND_MAX >> 10) {
		snprintf(other, sizeof(other), "%sk", text);
		check(parse(other, unit) == amount << 10);
		snprintf(other, sizeof(other), "%s.0K", text);
		check(parse(other, unit) == amount << 10);
	}
	/* with a suffix both are amounts of memory */
	if (unit == RESCORE_BYTES && strspn(text, "0123456789") != len &&
	    amount <= RESCORE_BOUND_MAX)
		check(parse(text, RESCORE_PAGES) == amount >> 12);
}

static void check_bounds(const char *text, unsigned int unit)
{
	int64_t barrier = UNTOUCHED, limit = UNTOUCHED;
	char half[TEXT_MAX + 1];
	const char *colon;
	int err;

	err = rescore_parse_bounds(text, unit, &barrier, &limit);
	if (err) {
		check(err == -EINVAL || err == -ERANGE);
		check(barrier == UNTOUCHED && limit == UNTOUCHED);
		check(*rescore_strerror());
		return;
	}
	check(in_range(barrier) && in_range(limit) && barrier <= limit);
	colon = strchr(text, ':');
	if (!colon) {
		check(barrier == parse(text, unit) && limit == barrier);
		return;
	}
	snprintf(half, sizeof(half), "%.*s", (int)(colon - text), text);
	check(barrier == parse(half, unit));
	check(limit == parse(colon + 1, unit));
}

static void check_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:@-";
	size_t len = strlen(name);
	bool good = len >= 1 && len <= 63 && strspn(name, allowed) == len &&
		    *name != '.' && *name != '-';
	int err = rescore_check_name(name);

	check(err == (good ? 0 : -EINVAL));
	if (err)
		check(*rescore_strerror());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1];
	int64_t amount = 0;
	unsigned int unit;

	if (!size)
		return 0;
	unit = data[0] % 6;	/* one more than there are */
	data++;
	size--;
	if (size > TEXT_MAX)
		size = TEXT_MAX;
	memcpy(text, data, size);
	text[size] = '\0';
	memcpy(&amount, data, size < sizeof(amount) ? size : sizeof(amount));

	check_printed(amount, unit);
	check_printed(amount & RESCORE_BOUND_MAX >> (amount & 63), unit);
	check(*rescore_unit_name(unit));
	check_name(text);
	check_bounds(text, unit);
	amount = parse(text, unit);
	if (amount != UNTOUCHED) {
		check_printed(amount, unit);
		check_same(text, unit, amount);
	}
	return 0;
}
