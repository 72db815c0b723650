// SPDX-License-Identifier: GPL-2.0
#include <time.h>

#include "tap.h"
#include "text.h"

static const struct {
	const char *from, *to;
} escapes[] = {
	{ "", "" },
	{ "plain text", "plain text" },
	{ "a\nb\tc", "a\\nb\\tc" },
	{ "\033[31mred", "\\x1b[31mred" },
	{ "\r", "\\x0d" },
	{ "\177", "\\x7f" },
	{ "m\xc3\xbcller", "m\xc3\xbcller" },
	{ "\xe2\x82\xac", "\xe2\x82\xac" },		/* euro sign */
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },	/* emoji */
	{ "\xc2\x9b"
	  "31m",
	  "\\xc2\\x9b31m" }, /* C1 control: CSI */
	{ "\xe2\x80\xae"
	  "abc",
	  "\\xe2\\x80\\xae"
	  "abc" }, /* right-to-left */
	{ "\xff\xfe", "\\xff\\xfe" },
	{ "\xc3", "\\xc3" },			/* cut off */
	{ "\xc0\xaf", "\\xc0\\xaf" },		/* too long a form of "/" */
	{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },	/* surrogate */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },	/* above U+10FFFF */
};

static void test_escape(void)
{
	char buf[64];
	size_t i;

	for (i = 0; i < sizeof(escapes) / sizeof(*escapes); i++)
		tap_is_text(escape(buf, sizeof(buf), escapes[i].from,
				   strlen(escapes[i].from)),
			    escapes[i].to, "escape");
	tap_is_text(escape(buf, sizeof(buf), "a\0b", 3), "a\\x00b",
		    "a NUL inside");
	tap_is_text(escape(buf, 4, "abcdef", 6), "abc", "cut off");
	tap_is_text(escape(buf, 4, "ab\xc3\xbc", 4), "ab",
		    "cut off between two characters");
	tap_is_text(escape(buf, 4, "a\n\n", 3), "a\\n", "no half escape");
	tap_is_text(escape(buf, 1, "abc", 3), "", "no room at all");
	tap_is_int((int64_t)text_width("m\xc3\xbcller"), 6, "width");
}

/* Whatever goes in: no control character, no broken UTF-8 comes out. */
static void test_escape_rubbish(void)
{
	uint64_t state = 99;
	unsigned int i, wrong = 0;
	char in[32], out[4 * sizeof(in) + 1], again[sizeof(out)];

	for (i = 0; i < 20000; i++) {
		size_t j, len = tap_random(&state) % sizeof(in);

		for (j = 0; j < len; j++)
			in[j] = (char)tap_random(&state);
		escape(out, sizeof(out), in, len);
		for (j = 0; out[j]; j++)
			wrong += (unsigned char)out[j] < 0x20 || out[j] == 0x7f;
		escape(again, sizeof(again), out, strlen(out));
		wrong += strcmp(out, again) != 0;
	}
	tap_is_int(wrong, 0, "escaped rubbish is harmless, and stays so");
}

static void test_distance(void)
{
	char long_word[100];

	tap_is_int(edit_distance("", ""), 0, "distance: nothing");
	tap_is_int(edit_distance("list", "list"), 0, "distance: same");
	tap_is_int(edit_distance("lst", "list"), 1, "distance: left out");
	tap_is_int(edit_distance("liist", "list"), 1, "distance: added");
	tap_is_int(edit_distance("lost", "list"), 1, "distance: changed");
	tap_is_int(edit_distance("lsit", "list"), 1, "distance: swapped");
	tap_is_int(edit_distance("abc", ""), 3, "distance to nothing");
	tap_is_int(edit_distance("kitten", "sitting"), 3, "kitten, sitting");
	memset(long_word, 'x', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	tap_is_int(edit_distance(long_word, "list"), UINT32_MAX,
		   "a long word is far from all");
}

static const char *meant(const char *word)
{
	static const char *const words[] = { "load", "unload", "numfile",
					     "numflock", "numproc" };
	struct nearest nearest = nearest_to(word);
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		nearest_offer(&nearest, words[i]);
	return nearest.found;
}

static void test_nearest(void)
{
	tap_is_text(meant("numfiel"), "numfile", "nearest: a swap");
	tap_is_text(meant("numflok"), "numflock", "nearest: left out");
	tap_is_text(meant("laod"), "load", "nearest: short word");
	tap_ok(!meant("frobnicate"), "nearest: none");
	tap_ok(!meant(""), "nearest: of nothing");
	tap_ok(!meant("x"), "nearest: of one letter");
}

static void test_time(void)
{
	char buf[TIME_LEN];

	setenv("TZ", "IST-5:30", 1);
	tzset();
	tap_is_text(utc_time(buf, sizeof(buf), 1795428672345678901LL),
		    "2026-11-23T10:11:12.345Z", "UTC");
	tap_is_text(local_time(buf, sizeof(buf), 1795428672345678901LL),
		    "2026-11-23 15:41:12.345", "local time");
	tap_is_text(utc_time(buf, sizeof(buf), -1), "1969-12-31T23:59:59.999Z",
		    "before 1970");
	tap_ok(*utc_time(buf, sizeof(buf), INT64_MIN), "the far past");
	tap_ok(*utc_time(buf, sizeof(buf), INT64_MAX), "the far future");
}

int main(void)
{
	test_escape();
	test_escape_rubbish();
	test_distance();
	test_nearest();
	test_time();
	return tap_done();
}
