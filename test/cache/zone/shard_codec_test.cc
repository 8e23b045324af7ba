#include "cache/zone/shard_codec.h"
