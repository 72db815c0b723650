// SPDX-License-Identifier: GPL-2.0
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "privilege.h"
#include "say.h"

void privilege_drop(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = {};

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)syscall(SYS_capset, &header, none);
}

int privilege_become_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(errno, "fstat: %s", strerror(errno));
	if (!geteuid() && st.st_uid &&
	    (setgroups(0, NULL) || setresgid(st.st_gid, st.st_gid, st.st_gid) ||
	     setresuid(st.st_uid, st.st_uid, st.st_uid)))
		return fail(errno,
			    "cannot become user %u, who owns the store: %s",
			    st.st_uid, strerror(errno));
	privilege_drop();

	return 0;
}
