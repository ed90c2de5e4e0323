//go:build unix

package rundir

import (
	"io/fs"
	"os"
	"syscall"
)

// mayReplace says whether a user may put another file in the place of one in a folder, as far as its owner matters: in a sticky
// folder, such as /tmp, one's own alone, whatever else the modes say.
func mayReplace(folder, file fs.FileInfo, user int) bool {
	owned := func(info fs.FileInfo) bool { return int(info.Sys().(*syscall.Stat_t).Uid) == user }
	return user == 0 || folder.Mode()&os.ModeSticky == 0 || owned(folder) || owned(file)
}
