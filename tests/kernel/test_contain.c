// SPDX-License-Identifier: GPL-2.0
/*
 * Lives of contained containers: many starts, and starts killed half-way, leave
 * nothing behind; a command has a terminal.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <sys/ioctl.h>

#include "contain.h"

static int count(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static int count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	int c, n = 0;

	while (file && (c = fgetc(file)) != EOF)
		n += c == '\n';
	if (file)
		fclose(file);
	return n;
}

struct leftovers {
	int mounts, stored, noted, cgroups, links, descriptors;
};

static struct leftovers look_around(void)
{
	return (struct leftovers){
		count_lines("/proc/self/mountinfo"),
		count(RESCORE_CT_STORE),
		count(RESCORE_CT_RUN),
		count("/sys/fs/cgroup/rescore"),
		count("/sys/class/net"),
		count("/proc/self/fd"),
	};
}

/* Two hundred lives leave nothing. */
TEST_F_TIMEOUT(contain, nothing_left, 300)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	struct rescore_ct *ct = describe(_metadata);
	struct leftovers before, after;
	const char *cycles = getenv("CYCLES");
	int slot, i, n = cycles ? atoi(cycles) : 200;

	ASSERT_EQ(0, rescore_ct_set(ct, "net", "veth"));
	mkdir("/sys/fs/cgroup/rescore", 0755);
	before = look_around();
	for (i = 0; i < n; i++) {
		slot = rescore_create(rs, "cycle", NULL);
		ASSERT_LT(0, slot);
		ASSERT_EQ(0, rescore_ct_store("cycle", ct));
		ASSERT_EQ(0, rescore_ct_start(rs, slot, argv))
		{
			TH_LOG("%d: %s", i, rescore_strerror());
		}
		ASSERT_LE(0, rescore_ct_stop(rs, slot, SIGTERM, 10000));
		ASSERT_EQ(0, rescore_destroy(rs, slot, false))
		{
			TH_LOG("%d: %s", i, rescore_strerror());
		}
		ASSERT_EQ(0, rescore_ct_forget("cycle"));
	}
	rescore_ct_free(ct);
	EXPECT_TRUE(within(LATE_MS, count("/sys/class/net") == before.links));
	after = look_around();
	EXPECT_EQ(before.mounts, after.mounts);
	EXPECT_EQ(before.stored, after.stored);
	EXPECT_EQ(before.noted, after.noted);
	EXPECT_EQ(before.cgroups, after.cgroups);
	EXPECT_EQ(before.descriptors, after.descriptors);
}

/* Who starts is killed, later and later: destroy cleans up what there is. */
TEST_F_TIMEOUT(contain, killed_starter, 300)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	struct rescore_ct *ct = describe(_metadata);
	struct leftovers before, after;
	int slot, i, status, ended = 0;
	pid_t pid;

	mkdir("/sys/fs/cgroup/rescore", 0755);
	before = look_around();
	for (i = 0; i < 150 && ended < 3; i++) {
		slot = rescore_create(rs, "killed", NULL);
		ASSERT_LT(0, slot);
		ASSERT_EQ(0, rescore_ct_store("killed", ct));
		pid = fork();
		if (pid == 0) {
			setsid();
			_exit(rescore_ct_start(rs, slot, argv) != 0);
		}
		usleep(i * 7000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		ended += WIFEXITED(status);
		/* the builder may be on its way still: destroy has to cope */
		ASSERT_TRUE(within(LATE_MS, !rescore_destroy(rs, slot, true)))
		{
			TH_LOG("%d: %s", i, rescore_strerror());
		}
		ASSERT_TRUE(within(LATE_MS, !rescore_ct_forget("killed")));
	}
	rescore_ct_free(ct);
	EXPECT_LE(3, ended);
	after = look_around();
	EXPECT_EQ(before.mounts, after.mounts);
	EXPECT_EQ(before.stored, after.stored);
	EXPECT_EQ(before.noted, after.noted);
	EXPECT_EQ(before.cgroups, after.cgroups);
}

/* --- net ip: UDP over IPv6 ----------------------------------------------------------- */

static struct sockaddr_in6 address6(const char *text, int port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_port = htons(port) };

	inet_pton(AF_INET6, text, &a.sin6_addr);
	return a;
}

static int udp6(const char *text, int port)
{
	struct sockaddr_in6 a = address6(text, port);
	struct timeval wait = { .tv_sec = 10 };
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) ? -errno : fd;
}

static bool is_at(const struct sockaddr_in6 *a, const char *text)
{
	struct sockaddr_in6 want = address6(text, 0);

	return !memcmp(&a->sin6_addr, &want.sin6_addr, 16);
}

/* A socket bound to an address that is new: it works when a worker has seen to it. */
static int udp6_at_last(const char *address, int port)
{
	int fd;

	(void)eventually((fd = udp6(address, port)) >= 0);
	return fd;
}

/* In the container's cgroup. 0, or the line that was wrong. */
static int talk_udp6(const char *cgroup)
{
	struct sockaddr_in6 a = address6("::1", 7021), own;
	socklen_t size = sizeof(own);
	int fd, tries;
	char c;

	if (write_file(text("%s/cgroup.procs", cgroup), "0"))
		return __LINE__;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	/* never bound; the host's loopback first: what it gets it has before */
	if (sendto(fd, "1", 1, 0, (struct sockaddr *)&a, sizeof(a)) != 1)
		return __LINE__;
	a = address6("fd78::2", 7020);
	if (sendto(fd, "2", 1, 0, (struct sockaddr *)&a, sizeof(a)) != 1)
		return __LINE__;
	if (udp6("fd78::2", 7022) != -EPERM)
		return __LINE__;
	fd = udp6("::", 7023);
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&own, &size) ||
	    !is_at(&own, "fd78::1"))
		return __LINE__;
	/* bound, connected; UDP may lose what is sent */
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return __LINE__;
	for (tries = 0; tries < 3; tries++)
		if (send(fd, "3", 1, 0) == 1 && recv(fd, &c, 1, 0) == 1)
			return c == '4' ? 0 : __LINE__;
	return __LINE__;
}

TEST_F(contain, udp_ipv6)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	struct rescore_ct *ct = describe(_metadata);
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	int slot, server, loopback, status;
	ssize_t sent;
	pid_t pid;
	char c;

	ASSERT_EQ(0, system("ip addr replace fd78::1/128 dev lo &&"
			    "ip addr replace fd78::2/128 dev lo"));
	ASSERT_LE(0, server = udp6_at_last("fd78::1", 7019));
	close(server);
	ASSERT_LE(0, server = udp6_at_last("fd78::2", 7020));
	EXPECT_LE(0, loopback = udp6("::1", 7021));
	ASSERT_EQ(0, rescore_ct_set(ct, "net", "ip:fd78::1"));
	ASSERT_LT(0, slot = rescore_create(rs, "udp6", NULL));
	ASSERT_EQ(0, rescore_ct_store("udp6", ct));
	ASSERT_EQ(0, rescore_ct_start(rs, slot, argv))
	{
		TH_LOG("%s", rescore_strerror());
	}
	pid = fork();
	if (pid == 0) {
		status = talk_udp6(path_of(slot));
		if (status)
			printf("# line %d: %s\n", status, strerror(errno));
		fflush(stdout);
		_exit(status != 0);
	}
	EXPECT_EQ(1,
		  recvfrom(server, &c, 1, 0, (struct sockaddr *)&from, &size));
	EXPECT_EQ('2', c);
	EXPECT_TRUE(is_at(&from, "fd78::1"));
	EXPECT_EQ(-1, recv(loopback, &c, 1, MSG_DONTWAIT));
	do {
		size = sizeof(from);
		ASSERT_EQ(1, recvfrom(server, &c, 1, 0,
				      (struct sockaddr *)&from, &size));
		EXPECT_EQ('3', c);
		EXPECT_TRUE(is_at(&from, "fd78::1"));
		sent = sendto(server, "4", 1, 0, (struct sockaddr *)&from,
			      size);
		if (sent != 1)
			TH_LOG("to port %u: %s", ntohs(from.sin6_port),
			       strerror(errno));
	} while (sent != 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, system("ip addr del fd78::1/128 dev lo;"
			    "ip addr del fd78::2/128 dev lo"));
	close(server);
	close(loopback);
	rescore_ct_free(ct);
	EXPECT_LE(0, rescore_ct_stop(rs, slot, SIGKILL, 10000));
	EXPECT_EQ(0, rescore_destroy(rs, slot, true));
	EXPECT_EQ(0, rescore_ct_forget("udp6"));
}

static bool shows(int master, char *text, size_t size, const char *want)
{
	size_t used = strlen(text);
	ssize_t n = read(master, text + used, size - used - 1);

	if (n > 0)
		text[used + n] = '\0';
	return strstr(text, want);
}

/* A command has a terminal of the container's, our window's size, and Ctrl-C. */
TEST_F(contain, terminal)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	char *shell[] = { (char *)"/bin/sh", (char *)"-c",
			  (char *)"tty; stty size; exec sleep 1000", NULL };
	struct rescore_ct_exec exec = { .argv = shell, .tty = true };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct winsize size = { .ws_row = 31, .ws_col = 97 };
	struct rescore_ct *ct = describe(_metadata);
	int slot = make("terminal"), slave, status = 0;
	char text[4096] = "";
	pid_t pid;

	ASSERT_EQ(0, rescore_ct_store("terminal", ct));
	rescore_ct_free(ct);
	ASSERT_EQ(0, rescore_ct_start(rs, slot, argv));
	unlockpt(master);
	ioctl(master, TIOCSWINSZ, &size);
	pid = fork();
	if (pid == 0) {
		setsid();
		slave = ioctl(master, TIOCGPTPEER, O_RDWR);
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		if (rescore_ct_exec(rs, slot, &exec, &status)) {
			printf("%s\n", rescore_strerror());
			fflush(stdout);
			_exit(99);
		}
		_exit(WIFSIGNALED(status) ? WTERMSIG(status) : 98);
	}
	EXPECT_TRUE(within(20000, shows(master, text, sizeof(text), "31 97")))
	{
		TH_LOG("%s", text);
	}
	EXPECT_TRUE(strstr(text, "/dev/pts/0"));
	EXPECT_EQ(1, write(master, "\003", 1));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGINT, WEXITSTATUS(status));
	EXPECT_LE(0, rescore_ct_stop(rs, slot, SIGKILL, 10000));
	EXPECT_EQ(0, rescore_ct_forget("terminal"));
	close(master);
}

int main(int argc, char **argv)
{
	if (rescore_ct_protect(argv))
		printf("# %s\n", rescore_strerror());
	return run_tests(argc, argv, NULL);
}
