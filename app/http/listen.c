/*
 * The Unix sockets on which nginx finds the pools. Whoever may open them may try to speak FastCGI, so they
 * are for the owner and the group only. A file left by a master that died is replaced; a living one is
 * respected.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"

enum { BACKLOG = 4096 };

static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answered;

	if (fd < 0)
		return false;
	answered = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
	close(fd);
	return answered;
}

static struct err *clear_path(struct arena *a, const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return NULL;
	if (!S_ISSOCK(st.st_mode))
		return err_hint(err_new(a, ERR_CONFIG, "cannot listen on \"%s\": it is not a socket", path),
		                "Remove it or choose another path.");
	if (somebody_listens(address))
		return err_hint(err_new(a, ERR_UNAVAILABLE, "another process listens on \"%s\"", path),
		                "Is Quern running already?");
	unlink(path);
	return NULL;
}

static int open_socket(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;
	mode_t mask = umask(0117);
	bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
	          listen(fd, BACKLOG) == 0;

	saved = errno;
	umask(mask);
	if (!ok && fd >= 0)
		close(fd);
	errno = saved;
	return ok ? fd : -1;
}

struct err *http_listen(struct arena *a, const char *path, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(address.sun_path))
		return err_new(a, ERR_CONFIG, "cannot listen on \"%s\": a socket path has 1 to %zu bytes",
		               path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, n + 1);
	TRY(clear_path(a, &address));
	*fd = open_socket(&address);
	if (*fd < 0)
		return err_hint(err_new(a, ERR_CONFIG, "cannot listen on \"%s\": %s", path, strerror(errno)),
		                "The directory must exist and be writable.");
	return NULL;
}
