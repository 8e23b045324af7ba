#include "cache/zone/memcached_reply.h"
