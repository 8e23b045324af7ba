#include "cache/zone/node_health.h"
