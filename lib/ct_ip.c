// SPDX-License-Identifier: GPL-2.0
/* Network "ip:": sockets on the host's stack, held to the container's addresses. */
#include <errno.h>

#include "ct.h"

int ct_restrict_addresses(const struct ct_start *s)
{
	(void)s;
	return rescore_error(-EOPNOTSUPP, "net \"ip:\" is not there yet");
}
