// SPDX-License-Identifier: GPL-2.0
/* Lists of actions: what they mean, what is wrong with one, and back to text. */
#include <signal.h>
#include <string.h>

#include "action.h"
#include "capture.h"
#include "rlimitctl.h"
#include "tap.h"

static const struct {
	const char *from, *to;	/* NULL: it is refused */
} lists[] = {
	{ "refuse", "refuse" },
	{ "log", "refuse,log" },
	{ "hook=a.sh,signal=9,log,refuse", "refuse,log,signal=KILL,hook=a.sh" },
	{ "signal=sigusr1", "refuse,signal=USR1" },
	{ "", NULL },
	{ ",log", NULL },
	{ "log,log", NULL },
	{ "signal=", NULL },
	{ "signal=0", NULL },
	{ "signal=65", NULL },
	{ "signal=9,signal=9", NULL },
	{ "hook=", NULL },
	{ "hook=a/b", NULL },
	{ "hook=..", NULL },
	{ "hook=-x", NULL },
	{ "hook=a b", NULL },
	{ "hook=a,hook=a", NULL },
	{ "Log", NULL },
};

static void test_lists(void)
{
	char text[ACTION_TEXT_LEN];
	struct actions actions, before;
	struct capture err;
	size_t i;
	int status;

	memset(&before, 0, sizeof(before));
	before.signal = 7;
	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		actions = before;
		capture_begin(&err, stderr);
		status = action_parse(lists[i].from, &actions);
		capture_end(&err);
		if (!lists[i].to) {
			tap_is_int(status, STATUS_USAGE, lists[i].from);
			tap_ok(!memcmp(&actions, &before, sizeof(actions)),
			       "and nothing is changed");
			continue;
		}
		tap_is_int(status, 0, lists[i].from);
		tap_is_text(action_format(&actions, text, sizeof(text)),
			    lists[i].to, "back to text");
	}
}

static void test_long(void)
{
	char word[ACTION_HOOK_LEN + 8] = "hook=";
	struct actions actions;
	struct capture err;

	memset(word + 5, 'a', ACTION_HOOK_LEN - 1);
	tap_is_int(action_parse(word, &actions), 0, "the longest name");
	memset(word + 5, 'a', ACTION_HOOK_LEN);
	capture_begin(&err, stderr);
	tap_is_int(action_parse(word, &actions), STATUS_USAGE, "one more");
	capture_end(&err);
}

int main(void)
{
	test_lists();
	test_long();
	return tap_done();
}
