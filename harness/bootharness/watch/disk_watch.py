"""Look at a disk that was made faulty: tell it what the boot has come to, and whom it keeps."""

from msgspec import Struct

from bootharness.diagnosis.certainty import QUIET_S
from bootharness.errors import TimeTooShort
from bootharness.machine.faulty_disk import FaultyDisk
from bootharness.text import count
from bootharness.watch.course import Course
from bootharness.watch.loading import Loading

__all__ = ["DiskWatch"]


class DiskWatch(Struct):
    """Watches one faulty disk."""

    disk: FaultyDisk
    course: Course
    loading: Loading

    def look(self) -> None:
        """Answer what it asks, and end the boot of a loader that waits for a read in vain.

        Raises DiskLost when it does not work any more.
        """
        self.disk.check()
        if event := self.disk.asks:
            self.disk.answer(vanishes=self._has_come(event))
        course = self.course
        # a boot manager may do without what it does not get: that one is waited for
        ours = course.before_a_kernel and not course.medium.managed
        if ours and self.disk.hangs and self.disk.owed_s > QUIET_S:
            course.finish("disk")

    def _has_come(self, event: str) -> bool:
        what, _, number = event.partition(":")
        if what != "move":
            return event in self.course.milestones
        if self.course.in_kernel:
            return False  # and a kernel that stops the machine keeps it from being asked for more
        self.loading.drain()
        calls = self.loading.tracer.calls()
        moves = sum(1 for call in calls if call.table_hex and call.registers_out)
        return moves >= int(number)

    @property
    def keeps_guest(self) -> bool:
        """Whether the guest waits for an answer of its."""
        return self.disk.owed_s > 0

    def check_time(self) -> None:
        """Raise TimeTooShort where it still kept the guest when time was up."""
        if self.disk.is_spent or self.keeps_guest:
            faults = " and ".join(map(str, self.disk.faults))
            raise TimeTooShort(
                f"the {self.course.limit_s:.0f} s of the time limit were over while the disk was "
                f"being read with {faults}, {count(self.disk.bytes_read, 'byte')} so far: give it "
                "more time (--timeout)"
            )
