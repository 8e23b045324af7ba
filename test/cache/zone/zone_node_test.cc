#include "cache/zone/zone_node.h"
