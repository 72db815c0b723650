// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "librescore.h"
#include "tap.h"

#define TEN "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const char *const good[] = {
	"web",	 "a",	  "1",	       "101",	      "WEB", "web-1",
	"web_1", "web.1", "user@1000", "machine:web", "_",   "@",
	":",	 "a..b",  "a.",	       SIXTY "abc",
};

static const struct {
	const char *name, *reason;
} bad[] = {
	{ "", "empty" },
	{ SIXTY "abcd", "longer than 63" },
	{ SIXTY SIXTY SIXTY "abcd", "longer than 63" },
	{ ".", "starts with" },
	{ "..", "starts with" },
	{ ".hidden", "starts with" },
	{ "-f", "starts with" },
	{ "/", "use only" },
	{ "a/b", "use only" },
	{ "../b", "use only" },
	{ "a b", "use only" },
	{ " ", "use only" },
	{ "a\tb", "use only" },
	{ "a\nb", "use only" },
	{ "a\033[31m", "use only" },
	{ "a\177", "use only" },
	{ "m\xc3\xbcller", "use only" },
	{ "\xff", "use only" },
	{ "a*", "use only" },
	{ "a=b", "use only" },
	{ "a$b", "use only" },
	{ "a\\b", "use only" },
	{ "a\"b", "use only" },
};

/* Every single byte, first and inside. */
static void test_bytes(void)
{
	static const char inside[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._:@-";
	unsigned int wrong = 0;
	char first[3] = "?a", later[3] = "a?";
	int c;

	for (c = 1; c < 256; c++) {
		bool allowed = strchr(inside, c);

		first[0] = (char)c;
		later[1] = (char)c;
		if (allowed != !rescore_check_name(later))
			wrong++;
		if ((allowed && c != '.' && c != '-') !=
		    !rescore_check_name(first))
			wrong++;
	}
	tap_is_int(wrong, 0, "every byte, first and later");
}

int main(void)
{
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		tap_ok(!rescore_check_name(good[i]), "\"%s\" is a name",
		       good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!tap_ok(rescore_check_name(bad[i].name) == -EINVAL &&
				    strstr(rescore_strerror(), bad[i].reason),
			    "bad name %zu: %s", i, bad[i].reason))
			printf("# %s\n", rescore_strerror());
	test_bytes();
	return tap_done();
}
