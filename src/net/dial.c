#include "dial.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"

#define GO_BY_ITSELF_MS 2000
#define WORDS_MAX       200
#define LISTENER_NAME   "s"

struct dial {
	struct dials *all;
	struct dial *next;
	struct loop *loop;
	char **argv;
	int fd, listener; /* -1: closed */
	char folder[64];  /* of the listener */
	struct loop_fd *arrival;
	bool used;           /* somebody may ask for its last words */
	struct child *child; /* NULL: ended */
	int exit_code;
	struct strbuf words; /* once it has ended: its standard error, or why it never began */
	struct loop_timer *timer;
};

static void stop_listening(struct dial *dial)
{
	loop_fd_remove(&dial->arrival);
	if (dial->listener >= 0) {
		char *path = xasprintf("%s/" LISTENER_NAME, dial->folder);

		close(dial->listener);
		unlink(path);
		rmdir(dial->folder);
		free(path);
	}
	dial->listener = -1;
}

static void dial_free(struct dial *dial)
{
	stop_listening(dial);
	loop_timer_stop(&dial->timer);
	for (char **arg = dial->argv; *arg; arg++)
		free(*arg);
	free(dial->argv);
	strbuf_release(&dial->words);
	free(dial);
}

static void drop_unless_needed(struct dial *dial)
{
	struct dial **link = &dial->all->first;

	if (dial->fd >= 0 || dial->used || dial->child)
		return;
	while (*link != dial)
		link = &(*link)->next;
	*link = dial->next;
	dial_free(dial);
}

static void on_child_ended(void *arg, const struct child_result *result)
{
	struct dial *dial = arg;

	dial->child = NULL;
	dial->exit_code = result->exit_code;
	strbuf_add(&dial->words, result->output->buf, result->output->len);
	drop_unless_needed(dial);
}

static void on_stays(void *arg)
{
	struct dial *dial = arg;

	dial->timer = NULL;
	child_cancel(&dial->child);
	drop_unless_needed(dial);
}

/* Another process of the same user could get there first. */
static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid == getpid();
}

static void on_arrival(void *arg, int listener, unsigned events)
{
	struct dial *dial = arg;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct child_spec spec = { .argv = (const char *const *)dial->argv, .stream = fd };
	struct err err;

	(void)events;
	if (fd < 0)
		return;
	if (!is_ours(fd)) {
		close(fd);
		return;
	}
	stop_listening(dial);
	dial->child = child_run(dial->loop, &spec, on_child_ended, dial, &err);
	if (!dial->child)
		strbuf_addstr(&dial->words, err.msg);
	close(fd);
}

static bool make_folder(struct dial *dial)
{
	static const char pattern[] = "/binnacle-XXXXXX";
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (!base || base[0] != '/' || strlen(base) + sizeof(pattern) > sizeof(dial->folder) ||
	    access(base, W_OK) != 0)
		base = "/tmp";
	snprintf(dial->folder, sizeof(dial->folder), "%s%s", base, pattern);
	return mkdtemp(dial->folder) != NULL;
}

static bool start_listening(struct dial *dial, struct sockaddr_un *address)
{
	if (!make_folder(dial))
		return false;
	dial->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (dial->listener < 0) {
		rmdir(dial->folder);
		return false;
	}
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/" LISTENER_NAME, dial->folder);
	return bind(dial->listener, (struct sockaddr *)address, sizeof(*address)) == 0 &&
	       listen(dial->listener, 8) == 0;
}

struct dial *dial_open(struct dials *dials, struct loop *loop, char *const *argv, int *fd,
		       struct sockaddr_un *address, struct err *err)
{
	struct dial *dial = xcalloc(1, sizeof(*dial));
	size_t count = 0;

	strbuf_init(&dial->words);
	dial->fd = dial->listener = -1;
	while (argv[count])
		count++;
	dial->argv = xcalloc(count + 1, sizeof(*dial->argv));
	for (size_t i = 0; i < count; i++)
		dial->argv[i] = xstrdup(argv[i]);
	if (start_listening(dial, address))
		dial->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (dial->fd < 0) {
		err_system(err, "cannot run %s", argv[0]);
		dial_free(dial);
		return NULL;
	}
	dial->all = dials;
	dial->next = dials->first;
	dials->first = dial;
	dial->loop = loop;
	dial->arrival = loop_fd_add(loop, dial->listener, LOOP_READ, on_arrival, dial);
	dial->used = true;
	*fd = dial->fd;
	return dial;
}

bool dial_close(struct dials *dials, int fd)
{
	struct dial *dial = dials->first;

	while (dial && dial->fd != fd)
		dial = dial->next;
	if (!dial)
		return false;
	stop_listening(dial);
	close(dial->fd);
	dial->fd = -1;
	if (dial->child)
		dial->timer = loop_timer_start(dial->loop, GO_BY_ITSELF_MS, on_stays, dial);
	drop_unless_needed(dial);
	return true;
}

void dial_leave(struct dial **dial)
{
	struct dial *old = *dial;

	*dial = NULL;
	if (!old)
		return;
	old->used = false;
	drop_unless_needed(old);
}

void dial_last_words(struct dial *dial, struct strbuf *out)
{
	const struct strbuf *all = dial->child ? child_output(dial->child) : &dial->words;
	size_t end = all->len, start;

	while (end > 0 && strchr(" \t\r\n", all->buf[end - 1]))
		end--;
	for (start = end; start > 0 && !strchr("\r\n", all->buf[start - 1]);)
		start--;
	if (end > start)
		text_clean(out, all->buf + start,
			   end - start > WORDS_MAX ? WORDS_MAX : end - start);
	else if (!dial->child && dial->listener < 0)
		strbuf_addf(out, "it ended with status %d", dial->exit_code);
}

void dials_release(struct dials *dials)
{
	while (dials->first) {
		struct dial *dial = dials->first;

		assert(dial->fd < 0 && !dial->used);
		child_cancel(&dial->child);
		drop_unless_needed(dial);
	}
}
