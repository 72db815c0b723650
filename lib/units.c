// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers as people write them. Integer arithmetic throughout: a double holds
 * 53 bits, so "4611686018427387903" would come back as another number, and
 * strtod() and printf("%f") obey the locale's decimal point.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

/* 2^62 pages are 2^74 bytes. */
__extension__ typedef unsigned __int128 wide;

#define PAGE_SHIFT_ABI	12	/* RESCORE_PAGES are of 4096 bytes */
#define WIDE_LIMIT	((wide)RESCORE_BOUND_MAX << PAGE_SHIFT_ABI)
/* Up to here value * 2^40 (the suffix T) fits into a wide, exactly. */
#define FRACTION_DIGITS	18

static const char *const unit_names[] = {
	[RESCORE_COUNT] = "count",	[RESCORE_BYTES] = "bytes",
	[RESCORE_PAGES] = "pages",	[RESCORE_NSEC] = "ns",
	[RESCORE_PERCENT] = "percent",
};

const char *rescore_unit_name(unsigned int unit)
{
	if (unit >= sizeof(unit_names) / sizeof(*unit_names))
		return "unknown";
	return unit_names[unit];
}

/* Parsing. */

/* digits[.digits][suffix], taken apart */
struct number {
	wide whole;
	uint64_t fraction;	/* of scale */
	uint64_t scale;		/* 10^(digits after the point) */
	const char *suffix;	/* what follows the digits; "" = nothing */
};

static int not_a_number(const char *text)
{
	return rescore_error(-EINVAL, "\"%s\" is not a number", text);
}

static int too_large(const char *text)
{
	return rescore_error(-ERANGE,
			     "\"%s\" is too large: the most is %lld (2^62), or "
			     "say \"unlimited\"",
			     text, (long long)RESCORE_BOUND_MAX);
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static int split_number(const char *text, struct number *ret)
{
	struct number n = { .scale = 1 };
	const char *c = text;
	unsigned int digits;

	if (*c == '-' && digit(c[1]))
		return rescore_error(-EINVAL, "\"%s\" is negative", text);
	if (!digit(*c))
		return not_a_number(text);
	for (; digit(*c); c++) {
		/* Saturate: more digits only make it larger. */
		if (n.whole <= WIDE_LIMIT)
			n.whole = n.whole * 10 + (unsigned int)(*c - '0');
	}
	if (*c == '.') {
		c++;
		if (!digit(*c))
			return not_a_number(text);
		for (digits = 0; digit(*c); c++, digits++) {
			if (digits == FRACTION_DIGITS)
				return rescore_error(-EINVAL,
						     "\"%s\" has more than %d "
						     "digits after the point",
						     text, FRACTION_DIGITS);
			n.fraction = n.fraction * 10 + (unsigned int)(*c - '0');
			n.scale *= 10;
		}
	}
	n.suffix = c;
	*ret = n;
	return 0;
}

/* The power of two that a suffix stands for, or -1. */
static int suffix_shift(char suffix)
{
	switch (suffix) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	case 't':
	case 'T':
		return 40;
	case 'p':
	case 'P':
		return PAGE_SHIFT_ABI;
	}
	return -1;
}

/* @ret_shift: the number counts in 2^shift bytes; 0 with @ret_bytes false. */
static int parse_suffix(const char *text, const char *suffix, unsigned int unit,
			int *ret_shift, bool *ret_bytes)
{
	int shift;

	if (!*suffix || (unit == RESCORE_PERCENT && !strcmp(suffix, "%"))) {
		*ret_shift = 0;
		*ret_bytes = false;
		return 0;
	}
	shift = suffix[1] ? -1 : suffix_shift(*suffix);
	if (shift < 0)
		return not_a_number(text);
	if (unit != RESCORE_BYTES && unit != RESCORE_PAGES)
		return rescore_error(-EINVAL,
				     "\"%s\" has a suffix, but this is not an "
				     "amount of memory: say the number itself",
				     text);
	*ret_shift = shift;
	*ret_bytes = true;
	return 0;
}

int rescore_parse_amount(const char *text, unsigned int unit,
			 int64_t *ret_amount)
{
	struct number n = { .scale = 1, .suffix = "" };
	bool bytes = false;
	int err, shift = 0;
	wide amount;

	if (!strcmp(text, "unlimited")) {
		*ret_amount = RESCORE_UNLIMITED;
		return 0;
	}
	err = split_number(text, &n);
	if (err)
		return err;
	err = parse_suffix(text, n.suffix, unit, &shift, &bytes);
	if (err)
		return err;
	if (n.scale > 1 && !bytes)
		return rescore_error(-EINVAL, "\"%s\" is not a whole number",
				     text);
	/* Before the shift, which would overflow. */
	if (n.whole > WIDE_LIMIT)
		return too_large(text);

	amount = (n.whole << shift) + (((wide)n.fraction << shift) / n.scale);
	if (bytes && unit == RESCORE_PAGES)
		amount >>= PAGE_SHIFT_ABI;
	if (amount > (wide)RESCORE_BOUND_MAX &&
	    amount != (wide)RESCORE_UNLIMITED)
		return too_large(text);
	*ret_amount = (int64_t)amount;
	return 0;
}

int rescore_parse_bounds(const char *text, unsigned int unit,
			 int64_t *ret_barrier, int64_t *ret_limit)
{
	char first[64];	/* no amount in range is longer */
	const char *colon = strchr(text, ':');
	int64_t barrier = 0, limit = 0;
	size_t len;
	int err;

	if (!colon) {
		err = rescore_parse_amount(text, unit, &barrier);
		if (err)
			return err;
		*ret_barrier = barrier;
		*ret_limit = barrier;
		return 0;
	}
	if (strchr(colon + 1, ':'))
		return rescore_error(-EINVAL,
				     "\"%s\" has more than one colon: "
				     "say barrier:limit",
				     text);
	len = (size_t)(colon - text);
	if (!len || !colon[1])
		return rescore_error(-EINVAL,
				     "\"%s\" has no number %s the colon: "
				     "say barrier:limit",
				     text, len ? "after" : "before");
	if (len >= sizeof(first))
		return not_a_number(text);
	memcpy(first, text, len);
	first[len] = '\0';

	err = rescore_parse_amount(first, unit, &barrier);
	if (!err)
		err = rescore_parse_amount(colon + 1, unit, &limit);
	if (err)
		return err;
	if (barrier > limit)
		return rescore_error(-EINVAL,
				     "\"%s\": the barrier is above the limit",
				     text);
	*ret_barrier = barrier;
	*ret_limit = limit;
	return 0;
}

/* Formatting. */

/* One step of a scale: @size of the smallest unit, shown with @suffix. */
struct step {
	wide size;
	const char *suffix;
};

static const struct step byte_steps[] = {
	{ (wide)1 << 40, "T" },
	{ (wide)1 << 30, "G" },
	{ (wide)1 << 20, "M" },
	{ (wide)1 << 10, "K" },
	{ 1, "" },
};

static const struct step nsec_steps[] = {
	{ (wide)86400 * 1000000000, "d" },
	{ (wide)3600 * 1000000000, "h" },
	{ (wide)60 * 1000000000, "m" },
	{ 1000000000, "s" },
	{ 1000000, "ms" },
	{ 1000, "us" },
	{ 1, "ns" },
};

/* @value / @size to the nearest of its 10^-@decimals parts. */
static uint64_t rounded(wide value, wide size, unsigned int decimals)
{
	static const unsigned int power[] = { 1, 10, 100 };

	return (uint64_t)((value * power[decimals] + size / 2) / size);
}

/*
 * Three digits tell more than anybody reads; zeros at the end tell nothing.
 * The last step is 1, so every value meets one.
 */
static void format_steps(wide value, const struct step *step, const char *sign,
			 char *buf, size_t size)
{
	unsigned int decimals = 2;
	uint64_t n;

	/* 1023.9K is to read 1M, so round before choosing the step. */
	while (step->size > 1 && value + step[1].size / 2 < step->size)
		step++;
	n = rounded(value, step->size, 2);
	if (n >= 1000)
		n = rounded(value, step->size, --decimals);
	if (n >= 1000 && decimals == 1)
		n = rounded(value, step->size, --decimals);
	while (decimals && n % 10 == 0) {
		n /= 10;
		decimals--;
	}
	switch (decimals) {
	case 0:
		snprintf(buf, size, "%s%llu%s", sign, (unsigned long long)n,
			 step->suffix);
		break;
	case 1:
		snprintf(buf, size, "%s%llu.%llu%s", sign,
			 (unsigned long long)n / 10, (unsigned long long)n % 10,
			 step->suffix);
		break;
	default:
		snprintf(buf, size, "%s%llu.%02llu%s", sign,
			 (unsigned long long)n / 100,
			 (unsigned long long)n % 100, step->suffix);
	}
}

const char *rescore_format_amount(int64_t amount, unsigned int unit, bool exact,
				  char *buf, size_t size)
{
	const char *sign = amount < 0 ? "-" : "";
	/* Not -amount, which INT64_MIN has not. */
	uint64_t magnitude = amount < 0 ? -(uint64_t)amount : (uint64_t)amount;

	if (amount == RESCORE_UNLIMITED)
		snprintf(buf, size, "unlimited");
	else if (!exact && unit == RESCORE_BYTES)
		format_steps(magnitude, byte_steps, sign, buf, size);
	else if (!exact && unit == RESCORE_PAGES)
		format_steps((wide)magnitude << PAGE_SHIFT_ABI, byte_steps,
			     sign, buf, size);
	else if (!exact && unit == RESCORE_NSEC)
		format_steps(magnitude, nsec_steps, sign, buf, size);
	else
		snprintf(buf, size, "%s%llu%s", sign,
			 (unsigned long long)magnitude,
			 !exact && unit == RESCORE_PERCENT ? "%" : "");
	return buf;
}
