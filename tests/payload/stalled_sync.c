/* Preloaded into the daemon: fsync and fdatasync do not end while the file named by SPACEPI_STALL is
 * there. That a call has met it is shown by a second file, of the same name with ".met" behind it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_US 20000

static void meet_stall(void)
{
    const char *stall = getenv("SPACEPI_STALL");
    char met[4096];

    if (stall == NULL || access(stall, F_OK) != 0)
        return;
    snprintf(met, sizeof met, "%s.met", stall);
    close(open(met, O_CREAT | O_WRONLY, 0600));
    while (access(stall, F_OK) == 0)
        usleep(LOOK_US);
}

int fsync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");

    meet_stall();
    return real(file);
}

int fdatasync(int file)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");

    meet_stall();
    return real(file);
}
