// SPDX-License-Identifier: GPL-2.0
/* Capabilities: what a service needs, and nothing that reaches the host. */
#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "ct.h"

#define CAP(name) (1ULL << CAP_##name)

const uint64_t ct_default_caps = CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) |
				 CAP(FSETID) | CAP(KILL) | CAP(SETGID) |
				 CAP(SETUID) | CAP(SETPCAP) |
				 CAP(NET_BIND_SERVICE);

int ct_limit_caps(uint64_t caps)
{
	cap_t sets = cap_init();
	cap_value_t one;
	int err = 0;

	if (!sets)
		return -ENOMEM;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (one = 0; !err && one <= CAP_LAST_CAP && CAP_IS_SUPPORTED(one);
	     one++) {
		if (caps & 1ULL << one)
			err = cap_set_flag(sets, CAP_PERMITTED, 1, &one,
					   CAP_SET) ||
			      cap_set_flag(sets, CAP_EFFECTIVE, 1, &one,
					   CAP_SET);
		else
			err = cap_drop_bound(one);
	}
	if (!err)
		err = cap_set_proc(sets);
	err = err ? -errno : 0;
	cap_free(sets);
	return err;
}

int ct_use_caps(void)
{
	cap_t sets = cap_get_proc();
	cap_flag_value_t has;
	cap_value_t one;
	int err = sets ? 0 : -1;

	for (one = 0; !err && one <= CAP_LAST_CAP && CAP_IS_SUPPORTED(one);
	     one++)
		err = cap_get_flag(sets, one, CAP_PERMITTED, &has) ||
		      cap_set_flag(sets, CAP_EFFECTIVE, 1, &one, has);
	if (!err)
		err = cap_set_proc(sets);
	err = err ? -errno : 0;
	cap_free(sets);
	return err;
}
