/* SPDX-License-Identifier: GPL-2.0 */
/* Transfers that are held up by bounds, and end with the right bytes. */
#ifndef RESCORE_TRANSFER_H
#define RESCORE_TRANSFER_H

#include "two.h"

#define MIB	(1 << 20)
#define BOUND	(1 * MIB)
#define TOP	(BOUND + BOUND / 4)	/* what held may come to */
#define STREAMS	12
#define BYTES	(3 * MIB)		/* of each */
#define OUT	PUPPET_FD
#define IN	(PUPPET_FD + 1)		/* behind the listener */

/* Both in a network of their own, with packets as real ones have them. */
static inline void share_network(struct __test_metadata *_metadata,
				 struct puppet *p, struct puppet *q)
{
	memset(shm->number, 0, sizeof(shm->number));
	ASSERT_EQ(0, puppet_do(p, net_unshare, 0, 0, 0));
	ASSERT_EQ(0, puppet_do(p, net_set_mtu, 1500, 0, 0));
	ASSERT_EQ(0, puppet_do(q, net_join, p->pid, 0, 0));
}

FIXTURE_OF_TWO(bounds, share_network(_metadata, self->p, self->q))

/* --- transfers ------------------------------------------------------------------------ */

enum {
	GO,		/* receivers begin */
	SENT,		/* bytes, of all */
	REFUSED,	/* EAGAIN right after poll() said that there is room */
	STALLED,	/* tcpsndbuf when nothing moved */
};

/* Byte @at of stream @stream. */
static inline unsigned char pattern(long stream, long at)
{
	return at * 7 + (at >> 8) * 13 + (at >> 16) * 31 + stream;
}

struct stream {
	long at;
	bool polled;
};

/* One step of a sender. 0, or -errno. */
static inline long send_some(int fd, long stream, struct stream *s, long bytes)
{
	unsigned char data[16384];
	long i, n = bytes - s->at;

	if (n > (long)sizeof(data))
		n = sizeof(data);
	for (i = 0; i < n; i++)
		data[i] = pattern(stream, s->at + i);
	n = send(fd, data, n, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN) {
		__atomic_fetch_add(&shm->number[REFUSED], s->polled,
				   __ATOMIC_RELAXED);
		return 0;
	}
	if (n < 0)
		return -errno;
	s->at += n;
	__atomic_fetch_add(&shm->number[SENT], n, __ATOMIC_RELAXED);
	return 0;
}

/* Send on @n sockets from @first on, never waiting but in poll(). 0 or -errno. */
static inline long bulk_send(long first, long n, long bytes)
{
	struct pollfd fds[STREAMS];
	struct stream streams[STREAMS] = {};
	long i, err, open = n;

	for (i = 0; i < n; i++) {
		fds[i].fd = first + i;
		fds[i].events = POLLOUT;
		fcntl(first + i, F_SETFL, O_NONBLOCK);
	}
	while (open) {
		if (poll(fds, n, -1) < 0)
			return -errno;
		for (i = 0; i < n; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			streams[i].polled = true;
			err = send_some(fds[i].fd, i, &streams[i], bytes);
			if (err)
				return err;
			if (streams[i].at == bytes) {
				shutdown(fds[i].fd, SHUT_WR);
				fds[i].fd = -1;
				open--;
			}
		}
	}
	return 0;
}

/* The same, each in a thread that waits in send(). */
struct sender {
	pthread_t thread;
	int fd;
	long stream, bytes, err;
};

static inline void *send_blocking(void *arg)
{
	struct sender *sender = arg;
	struct stream stream = {};

	while (!sender->err && stream.at < sender->bytes)
		sender->err = send_some(sender->fd, sender->stream, &stream,
					sender->bytes);
	shutdown(sender->fd, SHUT_WR);
	return NULL;
}

static inline long bulk_send_blocking(long first, long n, long bytes)
{
	struct sender senders[STREAMS];
	long i, err = 0;

	for (i = 0; i < n; i++) {
		fcntl(first + i, F_SETFL, 0);
		senders[i] = (struct sender){
			.fd = first + i,
			.stream = i,
			.bytes = bytes,
		};
		if (pthread_create(&senders[i].thread, NULL, send_blocking,
				   &senders[i]))
			return -EAGAIN;
	}
	for (i = 0; i < n; i++) {
		pthread_join(senders[i].thread, NULL);
		err = err ?: senders[i].err;
	}
	return err;
}

/* Wait for GO, then read all. How many streams were whole and right. */
static inline long bulk_receive(long first, long n, long bytes)
{
	struct pollfd fds[STREAMS];
	static unsigned char data[65536];
	long at[STREAMS] = {}, i, j, size, open = n, good = 0;
	bool wrong[STREAMS] = {};

	for (i = 0; i < n; i++) {
		fds[i].fd = first + i;
		fds[i].events = POLLIN;
	}
	while (!__atomic_load_n(&shm->number[GO], __ATOMIC_RELAXED))
		usleep(500);
	while (open) {
		if (poll(fds, n, -1) < 0)
			return -errno;
		for (i = 0; i < n; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			size = read(fds[i].fd, data, sizeof(data));
			for (j = 0; j < size; j++)
				wrong[i] |= data[j] != pattern(i, at[i] + j);
			if (size > 0) {
				at[i] += size;
				continue;
			}
			good += !size && at[i] == bytes && !wrong[i];
			fds[i].fd = -1;
			open--;
		}
	}
	return good;
}

/* Nothing is sent any more, for as long as a window probe takes. */
static inline bool has_stalled(void)
{
	int64_t before = -1, since = now_ms();

	return within(60000, ({
			      if (shm->number[SENT] != before) {
				      before = shm->number[SENT];
				      since = now_ms();
			      }
			      before > 0 && now_ms() - since > 700;
		      }));
}

/* Connections to p's listener, one by one: OUT in q, IN in p. */
/* q's @n next connections to p, from descriptor @first on. */
static inline void connect_more(struct __test_metadata *_metadata,
				FIXTURE_DATA(bounds) * self, int family,
				long argument, puppet_fn connect, long first,
				long n)
{
	long i;

	/* at once: which is accepted first would not be certain */
	for (i = 0; i < n; i++) {
		ASSERT_EQ(first + i, puppet_do(self->q, connect, family,
					       net_port, argument));
		ASSERT_EQ(0, puppet_do(self->p, net_accept, OUT, 1, 0));
	}
}

static inline void connect_streams(struct __test_metadata *_metadata,
				   FIXTURE_DATA(bounds) * self, int family,
				   int protocol, puppet_fn listen,
				   puppet_fn connect)
{
	ASSERT_EQ(OUT, puppet_do(self->p, listen, family, protocol, 100));
	connect_more(_metadata, self, family, protocol, connect, OUT, STREAMS);
}

/* q sends to p, who does not read at first. */
static inline void transfer(struct __test_metadata *_metadata,
			    FIXTURE_DATA(bounds) * self, puppet_fn sender)
{
	puppet_send_call(self->p, bulk_receive, IN, STREAMS, BYTES);
	puppet_send_call(self->q, sender, OUT, STREAMS, BYTES);
	EXPECT_TRUE(has_stalled());
	EXPECT_CLEAN_AUDIT(0);
	shm->number[STALLED] = held(self->b, tcpsndbuf);
	TH_LOG("stalled: tcpsndbuf %" PRId64 ", tcprcvbuf %" PRId64
	       " of %" PRId64 " bytes sent",
	       held(self->b, tcpsndbuf), held(self->a, tcprcvbuf),
	       shm->number[SENT]);
	__atomic_store_n(&shm->number[GO], 1, __ATOMIC_RELAXED);
	EXPECT_EQ(0, puppet_answer(self->q));
	EXPECT_EQ(STREAMS, puppet_answer(self->p));
	EXPECT_HELD(0, self->b, tcpsndbuf);
	EXPECT_HELD(0, self->a, tcprcvbuf);
	TH_LOG("maxheld: tcpsndbuf %" PRId64 ", tcprcvbuf %" PRId64 "; %" PRId64
	       " times EAGAIN after poll()",
	       row(self->b, tcpsndbuf).maxheld, row(self->a, tcprcvbuf).maxheld,
	       shm->number[REFUSED]);
}

/* --- what programs try ------------------------------------------------------------ */

static inline long greedy(long first, long n, long b)
{
	static const int options[] = { SO_SNDBUF, SO_SNDBUFFORCE, SO_RCVBUF,
				       SO_RCVBUFFORCE };
	int bytes = 16 * MIB;
	long i;
	size_t j;

	for (i = 0; i < n; i++)
		for (j = 0; j < ARRAY_SIZE(options); j++)
			if (setsockopt(first + i, SOL_SOCKET, options[j],
				       &bytes, sizeof(bytes)))
				return -errno;
	return 0;
}

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK	72
#endif

/*
 * What a program that knows the kernel tries: the kernel takes a size below 0 for
 * the largest there may be, and looks at the first four bytes of an option of any
 * length, of which BPF programs see a page; without its lock bits it tunes buffers
 * by itself.
 */
static inline long cunning(long first, long n, long b)
{
	static const int options[] = { SO_SNDBUF, SO_SNDBUFFORCE, SO_RCVBUF,
				       SO_RCVBUFFORCE };
	static int bytes[3 * 4096 / sizeof(int)] = { 16 * MIB };
	int negative = -1, unlock = 0;
	long i;
	size_t j;

	for (i = first; i < first + n; i++) {
		for (j = 0; j < ARRAY_SIZE(options); j++)
			if (setsockopt(i, SOL_SOCKET, options[j], bytes,
				       sizeof(bytes)))
				return -errno;
		if (setsockopt(i, SOL_SOCKET, SO_SNDBUF, &negative,
			       sizeof(negative)) ||
		    setsockopt(i, SOL_SOCKET, SO_RCVBUF, &negative,
			       sizeof(negative)) ||
		    setsockopt(i, SOL_SOCKET, SO_BUF_LOCK, &unlock,
			       sizeof(unlock)))
			return -errno;
	}
	return 0;
}

#endif /* RESCORE_TRANSFER_H */
