// SPDX-License-Identifier: GPL-2.0
/* Numbers as people write them: every kind of good and bad text. */
#include <errno.h>

#include "librescore.h"
#include "tap.h"

#define NO	(-77)	/* what a failed call must leave in place */
#define UNL	RESCORE_UNLIMITED
#define MOST	RESCORE_BOUND_MAX
#define ROUNDS	20000

static const struct {
	const char *text;
	unsigned int unit;
	int64_t want;
} good[] = {
	{ "0", RESCORE_COUNT, 0 },
	{ "20", RESCORE_COUNT, 20 },
	{ "007", RESCORE_COUNT, 7 },
	{ "unlimited", RESCORE_COUNT, UNL },
	{ "9223372036854775807", RESCORE_COUNT, UNL },
	{ "4611686018427387904", RESCORE_COUNT, MOST },
	{ "4611686018427387903", RESCORE_COUNT, MOST - 1 },
	{ "00000000000000000000000000000000000000004611686018427387903",
	  RESCORE_COUNT, MOST - 1 },
	{ "12345", RESCORE_NSEC, 12345 },
	{ "150", RESCORE_PERCENT, 150 },
	{ "150%", RESCORE_PERCENT, 150 },
	{ "0", RESCORE_BYTES, 0 },
	{ "1k", RESCORE_BYTES, 1024 },
	{ "1K", RESCORE_BYTES, 1024 },
	{ "3m", RESCORE_BYTES, 3 << 20 },
	{ "3M", RESCORE_BYTES, 3 << 20 },
	{ "2g", RESCORE_BYTES, 2LL << 30 },
	{ "5T", RESCORE_BYTES, 5LL << 40 },
	{ "16p", RESCORE_BYTES, 65536 },
	{ "16P", RESCORE_BYTES, 65536 },
	{ "1.5p", RESCORE_BYTES, 6144 },
	{ "2.2G", RESCORE_BYTES, 2362232012LL },	/* 2362232012.8 */
	{ "0.5k", RESCORE_BYTES, 512 },
	{ "0.999999999999999999k", RESCORE_BYTES, 1023 },
	{ "0.000000000000000001T", RESCORE_BYTES, 0 },
	{ "4194304T", RESCORE_BYTES, MOST },
	{ "4194303.999999999999999999T", RESCORE_BYTES, MOST - 1 },
	{ "20", RESCORE_PAGES, 20 },
	{ "16p", RESCORE_PAGES, 16 },
	{ "1.9p", RESCORE_PAGES, 1 },
	{ "4095p", RESCORE_PAGES, 4095 },
	{ "4k", RESCORE_PAGES, 1 },
	{ "4.1k", RESCORE_PAGES, 1 },
	{ "3.9k", RESCORE_PAGES, 0 },
	{ "256m", RESCORE_PAGES, 65536 },
	{ "2.2G", RESCORE_PAGES, 576716 },	/* 576716.8 */
	{ "4611686018427387904", RESCORE_PAGES, MOST },
	{ "4611686018427387904p", RESCORE_PAGES, MOST },
	{ "17179869184T", RESCORE_PAGES, MOST },
	{ "9223372036854775807", RESCORE_PAGES, UNL },
};

static const struct {
	const char *text;
	unsigned int unit;
	int err;
	const char *reason;
} bad[] = {
	{ "", RESCORE_COUNT, -EINVAL, "\"\" is not a number" },
	{ " 1", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "1 ", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "1\n", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "12x", RESCORE_COUNT, -EINVAL, "\"12x\" is not a number" },
	{ "x12", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "1e3", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "0x10", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "+5", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "-5", RESCORE_COUNT, -EINVAL, "\"-5\" is negative" },
	{ "-0", RESCORE_COUNT, -EINVAL, "negative" },
	{ "-", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "-k", RESCORE_BYTES, -EINVAL, "not a number" },
	{ ".", RESCORE_BYTES, -EINVAL, "not a number" },
	{ ".5k", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "5.k", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "1,5k", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "1_000", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "1.5.5k", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "1.5", RESCORE_COUNT, -EINVAL, "not a whole number" },
	{ "1.0", RESCORE_BYTES, -EINVAL, "not a whole number" },
	{ "1.5", RESCORE_PAGES, -EINVAL, "not a whole number" },
	{ "0.1234567890123456789k", RESCORE_BYTES, -EINVAL,
	  "more than 18 digits" },
	{ "10K", RESCORE_COUNT, -EINVAL, "\"10K\" has a suffix" },
	{ "10p", RESCORE_COUNT, -EINVAL, "has a suffix" },
	{ "10K", RESCORE_NSEC, -EINVAL, "has a suffix" },
	{ "10G", RESCORE_PERCENT, -EINVAL, "has a suffix" },
	{ "10%", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "10%", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "10%%", RESCORE_PERCENT, -EINVAL, "not a number" },
	{ "10KB", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "10B", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "10E", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "K", RESCORE_BYTES, -EINVAL, "not a number" },
	{ "Unlimited", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "unlimited ", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "unlimitedx", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "inf", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "nan", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "\xd9\xa3", RESCORE_COUNT, -EINVAL, "not a number" },
	{ "4611686018427387905", RESCORE_COUNT, -ERANGE, "too large" },
	{ "9223372036854775806", RESCORE_COUNT, -ERANGE, "too large" },
	{ "9223372036854775808", RESCORE_COUNT, -ERANGE, "too large" },
	{ "18446744073709551616", RESCORE_COUNT, -ERANGE, "too large" },
	{ "18446744073709551617", RESCORE_COUNT, -ERANGE, "too large" },
	{ "340282366920938463463374607431768211457", RESCORE_COUNT, -ERANGE,
	  "too large" },
	{ "340282366920938463463374607431768211457T", RESCORE_PAGES, -ERANGE,
	  "too large" },
	{ "4194304.000000000001T", RESCORE_BYTES, -ERANGE, "too large" },
	{ "17179869185T", RESCORE_PAGES, -ERANGE, "too large" },
	{ "4611686018427387905p", RESCORE_PAGES, -ERANGE, "too large" },
};

static const struct {
	const char *text;
	unsigned int unit;
	int64_t barrier, limit;
	const char *reason;	/* of a bad one */
} bounds[] = {
	{ "20", RESCORE_COUNT, 20, 20, NULL },
	{ "20:30", RESCORE_COUNT, 20, 30, NULL },
	{ "20:20", RESCORE_COUNT, 20, 20, NULL },
	{ "20:unlimited", RESCORE_COUNT, 20, UNL, NULL },
	{ "unlimited", RESCORE_COUNT, UNL, UNL, NULL },
	{ "unlimited:unlimited", RESCORE_COUNT, UNL, UNL, NULL },
	{ "0:256M", RESCORE_PAGES, 0, 65536, NULL },
	{ "1.5M:2M", RESCORE_BYTES, 3 << 19, 2 << 20, NULL },
	{ "30:20", RESCORE_COUNT, NO, NO, "the barrier is above the limit" },
	{ "unlimited:20", RESCORE_COUNT, NO, NO, "above the limit" },
	{ "12:", RESCORE_COUNT, NO, NO, "\"12:\" has no number after" },
	{ ":12", RESCORE_COUNT, NO, NO, "\":12\" has no number before" },
	{ ":", RESCORE_COUNT, NO, NO, "no number" },
	{ "", RESCORE_COUNT, NO, NO, "not a number" },
	{ "1:2:3", RESCORE_COUNT, NO, NO, "\"1:2:3\" has more than one colon" },
	{ "1::3", RESCORE_COUNT, NO, NO, "more than one colon" },
	{ "1: 2", RESCORE_COUNT, NO, NO, "\" 2\" is not a number" },
	{ "1 :2", RESCORE_COUNT, NO, NO, "\"1 \" is not a number" },
	{ "1:2x", RESCORE_COUNT, NO, NO, "\"2x\" is not a number" },
	{ "1:-2", RESCORE_COUNT, NO, NO, "\"-2\" is negative" },
	{ "1:2K", RESCORE_COUNT, NO, NO, "\"2K\" has a suffix" },
	{ "000000000000000000000000000000000000000000000000000000000000000001:2",
	  RESCORE_COUNT, NO, NO, "not a number" },
};

static const struct {
	int64_t amount;
	unsigned int unit;
	const char *human, *exact;
} formats[] = {
	{ 0, RESCORE_COUNT, "0", "0" },
	{ 65536, RESCORE_COUNT, "65536", "65536" },
	{ UNL, RESCORE_COUNT, "unlimited", "unlimited" },
	{ -1, RESCORE_COUNT, "-1", "-1" },
	{ INT64_MIN, RESCORE_COUNT, "-9223372036854775808",
	  "-9223372036854775808" },
	{ 0, RESCORE_BYTES, "0", "0" },
	{ 1023, RESCORE_BYTES, "1023", "1023" },
	{ 1024, RESCORE_BYTES, "1K", "1024" },
	{ 1258291, RESCORE_BYTES, "1.2M", "1258291" },
	{ 262144, RESCORE_BYTES, "256K", "262144" },
	{ 1048575, RESCORE_BYTES, "1M", "1048575" },
	{ 1047552, RESCORE_BYTES, "1023K", "1047552" },
	{ 10234, RESCORE_BYTES, "9.99K", "10234" },
	{ 10239, RESCORE_BYTES, "10K", "10239" },
	{ 102348, RESCORE_BYTES, "99.9K", "102348" },
	{ 102399, RESCORE_BYTES, "100K", "102399" },
	{ MOST, RESCORE_BYTES, "4194304T", "4611686018427387904" },
	{ -1258291, RESCORE_BYTES, "-1.2M", "-1258291" },
	{ 1, RESCORE_PAGES, "4K", "1" },
	{ 64, RESCORE_PAGES, "256K", "64" },
	{ MOST, RESCORE_PAGES, "17179869184T", "4611686018427387904" },
	{ INT64_MIN, RESCORE_PAGES, "-34359738368T", "-9223372036854775808" },
	{ 150, RESCORE_PERCENT, "150%", "150" },
	{ 999, RESCORE_NSEC, "999ns", "999" },
	{ 1500, RESCORE_NSEC, "1.5us", "1500" },
	{ 12345678, RESCORE_NSEC, "12.3ms", "12345678" },
	{ 2500000000LL, RESCORE_NSEC, "2.5s", "2500000000" },
	{ 90000000000LL, RESCORE_NSEC, "1.5m", "90000000000" },
	{ 5400000000000LL, RESCORE_NSEC, "1.5h", "5400000000000" },
	{ 129600000000000LL, RESCORE_NSEC, "1.5d", "129600000000000" },
	{ MOST, RESCORE_NSEC, "53376d", "4611686018427387904" },
};

static void test_good(void)
{
	int64_t got;
	size_t i;
	int err;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		got = NO;
		err = rescore_parse_amount(good[i].text, good[i].unit, &got);
		if (!tap_ok(!err && got == good[i].want, "\"%s\" in %s",
			    good[i].text, rescore_unit_name(good[i].unit)))
			printf("# %d, %" PRId64 ", want %" PRId64 "\n", err,
			       got, good[i].want);
	}
}

static void test_bad(void)
{
	int64_t got;
	size_t i;
	int err;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		got = NO;
		err = rescore_parse_amount(bad[i].text, bad[i].unit, &got);
		if (!tap_ok(err == bad[i].err && got == NO &&
				    strstr(rescore_strerror(), bad[i].reason) &&
				    strstr(rescore_strerror(), bad[i].text),
			    "bad: number %zu in %s", i,
			    rescore_unit_name(bad[i].unit)))
			printf("# \"%s\": %d, %" PRId64 ", %s\n", bad[i].text,
			       err, got, rescore_strerror());
	}
}

static void test_bounds(void)
{
	int64_t barrier, limit;
	size_t i;
	int err;

	for (i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
		const char *reason = bounds[i].reason;

		barrier = NO;
		limit = NO;
		err = rescore_parse_bounds(bounds[i].text, bounds[i].unit,
					   &barrier, &limit);
		if (!tap_ok(barrier == bounds[i].barrier &&
				    limit == bounds[i].limit &&
				    (reason ? err < 0 &&
						      strstr(rescore_strerror(),
							     reason) :
					      !err),
			    "bounds \"%s\"", bounds[i].text))
			printf("# %d, %" PRId64 ", %" PRId64 ", %s\n", err,
			       barrier, limit, rescore_strerror());
	}
}

static void test_format(void)
{
	char buf[24];
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		tap_is_text(rescore_format_amount(formats[i].amount,
						  formats[i].unit, false, buf,
						  sizeof(buf)),
			    formats[i].human, formats[i].human);
		tap_is_text(rescore_format_amount(formats[i].amount,
						  formats[i].unit, true, buf,
						  sizeof(buf)),
			    formats[i].exact, formats[i].exact);
	}
	rescore_format_amount(MOST, RESCORE_COUNT, true, buf, 5);
	tap_is_text(buf, "4611", "a small buffer is not overrun");
	tap_is_text(rescore_unit_name(RESCORE_PAGES), "pages", "unit name");
	tap_is_text(rescore_unit_name(99), "unknown", "no such unit");
}

/* Numbers of all sizes, not only huge ones. */
static int64_t random_amount(uint64_t *state)
{
	uint64_t n = tap_random(state) >> (1 + tap_random(state) % 63);

	return n > (uint64_t)MOST ? MOST : (int64_t)n;
}

static bool exact_comes_back(int64_t amount, unsigned int unit)
{
	int64_t back = NO;
	char buf[24];

	rescore_format_amount(amount, unit, true, buf, sizeof(buf));
	return !rescore_parse_amount(buf, unit, &back) && back == amount;
}

/* Three digits are right to half of the last: 1/200 of the first of them. */
static bool human_comes_near(int64_t amount, unsigned int unit)
{
	int64_t back = NO;
	char buf[24];
	double error;

	rescore_format_amount(amount, unit, false, buf, sizeof(buf));
	if (rescore_parse_amount(buf, unit, &back))
		return false;
	error = (double)back - (double)amount;
	/* Pages and bytes are rounded down once more when read. */
	return error <= 0.0051 * (double)amount &&
	       error >= -0.0051 * (double)amount - 1;
}

static void test_round_trip(void)
{
	static const unsigned int units[] = { RESCORE_COUNT, RESCORE_BYTES,
					      RESCORE_PAGES, RESCORE_NSEC,
					      RESCORE_PERCENT };
	uint64_t state = 20260711;
	unsigned int i, exact = 0, near = 0, tried_near = 0;

	for (i = 0; i < ROUNDS; i++) {
		unsigned int unit = units[i % 5];
		int64_t amount = random_amount(&state);

		exact += exact_comes_back(amount, unit);
		if (unit == RESCORE_NSEC)
			continue;	/* for people only: "1.5h" */
		tried_near++;
		if (human_comes_near(amount, unit))
			near++;
		else
			printf("# %" PRId64 " in %s comes back wrong\n", amount,
			       rescore_unit_name(unit));
	}
	tap_is_int(exact, ROUNDS, "parse(exact(x)) is x");
	tap_is_int(near, tried_near, "parse(human(x)) is x to three digits");
}

/* Whatever the bytes, the parser ends, and fails or stays in range. */
static void test_rubbish(void)
{
	static const char letters[] = "0123456789..::kKmMgGtTpP-+ %xeunlimited";
	uint64_t state = 4711;
	unsigned int i, j, wrong = 0;
	int64_t barrier, limit;
	char text[24];

	for (i = 0; i < ROUNDS; i++) {
		unsigned int len = tap_random(&state) % (sizeof(text) - 1);

		for (j = 0; j < len; j++)
			text[j] = letters[tap_random(&state) %
					  (sizeof(letters) - 1)];
		text[len] = '\0';
		if (rescore_parse_bounds(text, i % 5, &barrier, &limit))
			continue;
		if (barrier < 0 || barrier > limit ||
		    (limit > MOST && limit != UNL))
			wrong++;
	}
	tap_is_int(wrong, 0, "rubbish never yields bounds out of range");
}

int main(void)
{
	test_good();
	test_bad();
	test_bounds();
	test_format();
	test_round_trip();
	test_rubbish();
	return tap_done();
}
