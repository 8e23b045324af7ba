// thawd-mount-helper: the mount helper as a program of its own, without the libraries that take thawd most of
// its start.
#include "daemon/mounts/mount_helper.h"

int main() { return thaw::mount_helper_main(); }
