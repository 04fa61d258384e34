"""Linux's error numbers, whatever system this runs on: a browser's Python, say, has others for the same names.

>>> ENOMEM, errorcode[22]
(12, 'EINVAL')
"""

# fmt: off
(
    EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF, ECHILD, EAGAIN, ENOMEM, EACCES, EFAULT, ENOTBLK,
    EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE, ENOTTY, ETXTBSY, EFBIG, ENOSPC, ESPIPE,
    EROFS, EMLINK, EPIPE, EDOM, ERANGE,
) = range(1, 35)
# fmt: on
ENOSYS, EOVERFLOW, EOPNOTSUPP = 38, 75, 95

errorcode = {value: name for name, value in list(globals().items()) if name[0] == "E" and type(value) is int}
