// SPDX-License-Identifier: GPL-2.0
/* Between our terminal and one of a container's: bytes, window size, the end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "ct.h"

static void copy_size(int master)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

/* Returns false at the end. */
static bool copy(int from, int to)
{
	char buffer[4096], *at = buffer;
	ssize_t n = read(from, buffer, sizeof(buffer)), done;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	while (n > 0) {
		done = write(to, at, (size_t)n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		at += done;
		n -= done;
		if (!n)
			return true;
	}
	return false;
}

static void relay_loop(int master, int pidfd, int signals)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 },
				{ master, POLLIN, 0 },
				{ signals, POLLIN, 0 },
				{ pidfd, POLLIN, 0 } };
	struct signalfd_siginfo info;

	while (poll(fds, ARRAY_SIZE(fds), -1) >= 0 || errno == EINTR) {
		if (fds[2].revents && read(signals, &info, sizeof(info)) > 0)
			copy_size(master);
		if (fds[0].revents && !copy(STDIN_FILENO, master))
			fds[0].fd = -1;
		if (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) {
			if (!copy(master, STDOUT_FILENO))
				fds[1].fd = -1;
			continue;
		}
		/* it has ended, and all that it wrote is copied */
		if (fds[3].revents)
			return;
	}
}

int ct_relay(int master, int pidfd)
{
	struct termios before, raw;
	sigset_t resize, old;
	int signals;
	bool tty = tcgetattr(STDIN_FILENO, &before) == 0;

	sigemptyset(&resize);
	sigaddset(&resize, SIGWINCH);
	sigprocmask(SIG_BLOCK, &resize, &old);
	signals = signalfd(-1, &resize, SFD_CLOEXEC);
	copy_size(master);
	if (tty) {
		raw = before;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	relay_loop(master, pidfd, signals);
	if (tty)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	close(signals);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return 0;
}
