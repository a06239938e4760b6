#include "profile/profile_html.h"
namespace edgefusion::profile {
std::string profile_html(const Recording&, const Comparison*) { return ""; }
}
