// Holds the precompiled header that all test programs share.
#include <catch2/catch.hpp>
